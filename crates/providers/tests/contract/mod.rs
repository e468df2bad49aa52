//! What every provider must do, whatever API stands behind it: one suite of cases, run against each.

use hostler_core::name::DeploymentId;
use hostler_core::offer::{ClaimTerm, KeyTerm, NetworkTerm, ReachTerm, Terms};
use hostler_core::plan::{LeaseSpec, MachineSpec, ResourceKind};
use hostler_core::ports::{CreateRequest, Created, Owned, Power, Provider, ResourceStatus};
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;

/// A provider, and a machine that it can make.
pub struct Contract<'a> {
    /// The provider.
    pub provider: &'a dyn Provider,
    /// A deployment that has nothing at the site.
    pub deployment: DeploymentId,
    /// The machine. What it stands on is filled in from what the site asks for.
    pub spec: MachineSpec,
    /// A key that may log in to it.
    pub public_key: String,
    /// What the site asks for beside the machine.
    pub terms: Terms,
}

/// Every kind of thing.
const KINDS: [ResourceKind; 6] = [
    ResourceKind::Keypair,
    ResourceKind::Network,
    ResourceKind::Lease,
    ResourceKind::Machine,
    ResourceKind::Address,
    ResourceKind::Volume,
];

impl Contract<'_> {
    /// Every case, in an order in which each finds what those before have left.
    pub async fn hold(&self, window: &Window) {
        self.offers_are_of_the_site(window).await;
        self.what_is_not_there_is_absent().await;
        let mut made = self.surroundings(window).await;
        let machine = self.a_machine_is_made_once(&made).await;
        made.push((ResourceKind::Machine, machine.clone()));
        if let ReachTerm::PublicAddress(pool) = &self.terms.reach {
            let what = CreateRequest::Address { pool: pool.clone(), machine: Some(machine.reference.clone()) };
            made.push((ResourceKind::Address, self.made_once(ResourceKind::Address, &what).await));
        }
        for (kind, made) in &made {
            self.what_bears_another_ticket_is_not_deleted(*kind, made).await;
        }
        self.power_goes_off_and_on(&machine).await;
        made.reverse();
        self.what_was_made_is_removed(&made).await;
    }

    async fn offers_are_of_the_site(&self, window: &Window) {
        let offers = self.provider.offers(window).await.unwrap();
        assert!(!offers.is_empty());
        assert!(offers.iter().all(|offer| offer.site == *self.provider.site()));
    }

    async fn what_is_not_there_is_absent(&self) {
        let reference = Ref("hostler-contract-no-such-thing".to_owned());
        for kind in KINDS {
            assert_eq!(self.provider.status(kind, &reference).await.unwrap(), ResourceStatus::Missing, "{kind}");
            let owned = Owned { ticket: self.ticket(kind), kind, reference: reference.clone() };
            // A site may refuse what it knows to be no thing of its own.
            if kind != ResourceKind::Volume {
                self.provider.delete(&owned).await.unwrap();
            }
        }
        assert_eq!(self.ours().await, []);
    }

    /// What the site asks for before a machine.
    async fn surroundings(&self, window: &Window) -> Vec<(ResourceKind, Created)> {
        let mut wanted = Vec::new();
        if self.terms.key == KeyTerm::Keypair {
            wanted.push(CreateRequest::Keypair { public_key: self.public_key.clone() });
        }
        if self.terms.network == NetworkTerm::Own {
            wanted.push(CreateRequest::Network { machines: vec![self.spec.name.clone()] });
        }
        if self.terms.claim == ClaimTerm::Lease {
            let (name, site) = (self.spec.name.clone(), self.spec.site.clone());
            let hosts = self.spec.host.iter().cloned().collect();
            wanted.push(CreateRequest::Lease { spec: Box::new(LeaseSpec { name, site, window: *window, hosts }) });
        }
        let mut made = Vec::new();
        for what in wanted {
            made.push((what.kind(), self.made_once(what.kind(), &what).await));
        }
        made
    }

    async fn a_machine_is_made_once(&self, around: &[(ResourceKind, Created)]) -> Created {
        let of = |kind| around.iter().find(|(made, _)| *made == kind).map(|(_, made)| made.reference.clone());
        let mut spec = self.spec.clone();
        if let NetworkTerm::Shared(name) = &self.terms.network {
            spec.shared_network = Some(name.clone());
        }
        let what = CreateRequest::Machine {
            spec: Box::new(spec),
            network: of(ResourceKind::Network),
            lease: of(ResourceKind::Lease),
            keypair: of(ResourceKind::Keypair),
            public_key: self.public_key.clone(),
            first_boot: String::new(),
        };
        let made = self.made_once(ResourceKind::Machine, &what).await;
        let sighting = self.provider.status(ResourceKind::Machine, &made.reference).await.unwrap();
        assert!(matches!(sighting, ResourceStatus::Pending | ResourceStatus::Running { .. }), "{sighting:?}");
        made
    }

    async fn made_once(&self, kind: ResourceKind, what: &CreateRequest) -> Created {
        let first = self.provider.create(&self.ticket(kind), what).await.unwrap();
        let second = self.provider.create(&self.ticket(kind), what).await.unwrap();
        assert_eq!(first, second, "the second `create` answers with what the first made");
        let of_kind: Vec<Owned> = self.ours().await.into_iter().filter(|owned| owned.kind == kind).collect();
        assert_eq!(of_kind, [Owned { ticket: self.ticket(kind), kind, reference: first.reference.clone() }]);
        first
    }

    async fn what_bears_another_ticket_is_not_deleted(&self, kind: ResourceKind, made: &Created) {
        let before = self.ours().await;
        let other = Ticket { deployment: self.deployment, step: StepId::new("somebody-else").unwrap() };
        let owned = Owned { ticket: other, kind, reference: made.reference.clone() };
        assert!(self.provider.delete(&owned).await.is_err());
        assert_eq!(self.ours().await, before);
    }

    async fn power_goes_off_and_on(&self, machine: &Created) {
        for power in [Power::Off, Power::Off, Power::On, Power::On] {
            self.provider.set_power(&machine.reference, power).await.unwrap();
            let sighting = self.provider.status(ResourceKind::Machine, &machine.reference).await.unwrap();
            assert_eq!(matches!(sighting, ResourceStatus::Stopped), power == Power::Off, "{sighting:?}");
        }
    }

    async fn what_was_made_is_removed(&self, resources: &[(ResourceKind, Created)]) {
        for (kind, made) in resources {
            let owned = Owned { ticket: self.ticket(*kind), kind: *kind, reference: made.reference.clone() };
            self.provider.delete(&owned).await.unwrap();
            self.provider.delete(&owned).await.unwrap();
            assert_eq!(self.provider.status(*kind, &made.reference).await.unwrap(), ResourceStatus::Missing);
        }
        assert_eq!(self.ours().await, []);
    }

    fn ticket(&self, kind: ResourceKind) -> Ticket {
        Ticket { deployment: self.deployment, step: StepId::new(format!("contract-{kind}")).unwrap() }
    }

    async fn ours(&self) -> Vec<Owned> {
        let all = self.provider.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == self.deployment).collect()
    }
}
