//! `hostler up`: from a target to machines that are ready.

use hostler_core::money::Money;
use hostler_core::plan::{Plan, ResourceKind};
use hostler_engine::deploy::{Material, OnFailure};
use hostler_engine::run::{Interrupts, Sites};
use hostler_engine::store::{Record, Store};

use crate::app::App;
use crate::args::{CommandsArgs, Consent, UpArgs};
use crate::attempts::{Attempts, Shift};
use crate::drive::{Drive, Manner, interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::keys::Keys;
use crate::material::material;
use crate::place::Place;
use crate::planning::{plan_without, warn};
use crate::script;
use crate::summary::Summary;
use crate::target::{Target, Wanted, look_at, resolve};
use crate::view;

/// What came of it: a deployment, or with `--dry-run` only a plan.
pub enum Upped {
    /// A deployment that is ready.
    Ready(Box<Summary>),
    /// What would be done.
    Only(Box<Plan>),
}

/// Brings it up, and shows how to log in.
pub fn run(app: &App, args: &UpArgs) -> Result<(), Error> {
    let upped = app.block_on(async {
        let mut interrupts = interrupts()?;
        let found = async {
            let wanted = match resolve(app, &args.target, &args.demand).await? {
                Target::Wanted(wanted) => *wanted,
                Target::Live(record) => as_it_is(app, &record).await?,
            };
            warn(app, &wanted);
            Ok(wanted)
        };
        let wanted = unless_interrupted(&interrupts, found).await?;
        let manner = Manner {
            patience: args.timeout.ssh_timeout,
            on_failure: if args.hold { OnFailure::Hold } else { OnFailure::GiveBack },
        };
        let sites = app.sites()?;
        let place = place(app, &sites, args.reuse_lease.as_deref(), &interrupts).await?;
        let keys = Keys::of(app, &args.key)?;
        let up = Up {
            app,
            sites: &sites,
            wanted: &wanted,
            consent: &args.consent,
            manner,
            shift: args.shift(),
            extent: Extent::Whole,
            place: &place,
            keys: &keys,
            commands: &args.commands,
        };
        up.run(&mut interrupts).await
    })?;
    show(app, &upped)
}

/// Shows what came of it.
pub fn show(app: &App, upped: &Upped) -> Result<(), Error> {
    match upped {
        Upped::Ready(summary) => app.emit(summary, |width| view::ready(summary, width)),
        Upped::Only(plan) => app.emit(plan, |width| view::plan(plan, (app.now)(), width)),
    }
}

/// What a live deployment was asked to be. Its source is brought to this computer again.
pub(super) async fn as_it_is(app: &App, record: &Record) -> Result<Wanted, Error> {
    let demand = record.plan.demand.clone();
    let checkout = match &demand.work.source {
        Some(source) => Some(look_at(app, source).await?.checkout),
        None => None,
    };
    Ok(Wanted { demand, secrets: Default::default(), warnings: Vec::new(), checkout })
}

/// Shows a plan, and asks where it costs money, or may.
pub async fn agree(app: &App, plan: &Plan, consent: &Consent, interrupts: &Interrupts) -> Result<(), Error> {
    app.printer.say(&view::brief(plan, (app.now)(), app.printer.error_width));
    if plan.price_per_hour == Some(Money::ZERO) {
        return Ok(());
    }
    let question = if plan.is_without_machines() { "Make this?" } else { "Launch these machines?" };
    app.confirm_or_interrupt(consent, question, interrupts).await
}

/// The lease that the machines are to stand on, where one is named.
pub async fn place(app: &App, sites: &Sites, lease: Option<&str>, interrupts: &Interrupts) -> Result<Place, Error> {
    match lease {
        Some(lease) => unless_interrupted(interrupts, Place::on_lease(app, sites, lease)).await,
        None => Ok(Place::default()),
    }
}

/// How much of a new deployment is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Only the things of these kinds are made. Another round does the rest.
    Making(&'static [ResourceKind]),
}

/// What is wanted, and how it is brought up.
pub(super) struct Up<'a> {
    pub app: &'a App,
    pub sites: &'a Sites,
    pub wanted: &'a Wanted,
    pub consent: &'a Consent,
    pub manner: Manner,
    pub shift: Shift,
    pub extent: Extent,
    pub place: &'a Place,
    pub keys: &'a Keys,
    pub commands: &'a CommandsArgs,
}

impl Up<'_> {
    pub(super) async fn run(&self, interrupts: &mut Interrupts) -> Result<Upped, Error> {
        if let Some(store) = self.app.store_if_there().await?
            && let Some(record) = store.find(&self.wanted.demand.name).await?
        {
            return self.again(&store, record, interrupts).await;
        }
        self.anew(interrupts).await
    }

    /// A deployment of a name that is free. What a site refuses for want of it is planned anew, without it.
    async fn anew(&self, interrupts: &mut Interrupts) -> Result<Upped, Error> {
        let mut attempts = Attempts::default();
        loop {
            let planned = plan_without(self.app, self.sites, &self.wanted.demand, self.place, &attempts.refused);
            let plan = self.part(unless_interrupted(interrupts, planned).await?);
            attempts.admit(&plan, self.shift)?;
            unless_interrupted(interrupts, self.keys.check(self.sites, &plan)).await?;
            script::tell(self.app, &plan, self.commands)?;
            if self.consent.dry_run {
                return Ok(Upped::Only(Box::new(plan)));
            }
            match self.attempt(&plan, interrupts).await {
                Ok(summary) => return Ok(Upped::Ready(Box::new(summary))),
                Err(error) => attempts.learn(self.app, plan, error)?,
            }
        }
    }

    fn part(&self, plan: Plan) -> Plan {
        match self.extent {
            Extent::Whole => plan,
            Extent::Making(kinds) => plan.making(kinds),
        }
    }

    async fn attempt(&self, plan: &Plan, interrupts: &mut Interrupts) -> Result<Summary, Error> {
        let app = self.app;
        let material = self.material()?;
        for note in app.trust().notes {
            app.printer.say(&format!("note: {note}"));
        }
        agree(app, plan, self.consent, interrupts).await?;
        self.keys.make_room()?;
        let store = app.store().await?;
        let lock = store.lock(&plan.demand.name)?;
        let drive = Drive { app, sites: self.sites, store: &store, lock };
        let summary = drive.up(plan, None, &material, self.manner, interrupts).await?;
        if let Some(record) = store.find(&plan.demand.name).await? {
            self.keys.write_copy(&store, &record)?;
        }
        Ok(summary)
    }

    /// Another round of a deployment whose name is taken.
    async fn again(&self, store: &Store, record: Record, interrupts: &mut Interrupts) -> Result<Upped, Error> {
        let name = record.name.clone();
        if self.consent.dry_run {
            return self.rework(&record).map(|plan| Upped::Only(Box::new(plan)));
        }
        let lock = store.lock(&name)?;
        let drive = Drive { app: self.app, sites: self.sites, store, lock };
        // Another process may have changed it before the lock was ours.
        match store.find(&name).await? {
            Some(record) if record.journal().turns_back(&record.plan) => {
                self.app.printer.say(&format!("`{name}` was being given back: this is finished first"));
                drive.down(record, interrupts).await?;
            }
            Some(record) => return self.go_on(drive, &record, interrupts).await,
            None => drop(drive),
        }
        self.anew(interrupts).await
    }

    async fn go_on(&self, drive: Drive<'_>, record: &Record, interrupts: &mut Interrupts) -> Result<Upped, Error> {
        let plan = self.rework(record)?;
        if self.wanted.demand.lease.duration != record.plan.demand.lease.duration {
            let name = &record.name;
            self.app
                .printer
                .say(&format!("note: `{name}` ends when it was to end; `hostler extend {name}` moves that"));
        }
        let summary = drive.up(&plan, Some(record), &self.material()?, self.manner, interrupts).await?;
        Ok(Upped::Ready(Box::new(summary)))
    }

    fn material(&self) -> Result<Material, Error> {
        let demand = &self.wanted.demand;
        let material = material(self.app, &demand.work, &self.wanted.secrets, self.wanted.checkout.as_ref())?;
        Ok(Material { key: self.keys.source.clone(), ..material })
    }

    /// The plan of the next round: the machines that are there, with the work that is asked for now.
    ///
    /// Where only a part is asked for, what is there stays all that there is to be.
    fn rework(&self, record: &Record) -> Result<Plan, Error> {
        let now = (self.app.now)();
        let reworked = record.plan.rework(&self.wanted.demand, now).map(|plan| match self.extent {
            Extent::Whole => plan,
            Extent::Making(_) => Plan { at: now, ..record.plan.clone() },
        });
        let plan = reworked.map_err(|changes| {
            let name = &record.name;
            let mut error =
                Error::new(ErrorKind::IncompatibleChange, format!("`{name}` is up, and this takes other machines"))
                    .hinted(format!(
                        "give it back first (`hostler down {name}`), or name this one otherwise (`--name`)"
                    ));
            error.causes.extend(changes.iter().map(ToString::to_string));
            error
        })?;
        plan.check_drivers()?;
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
