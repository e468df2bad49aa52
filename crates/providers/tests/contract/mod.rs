//! What every provider must do, whatever API stands behind it: one suite of cases, run against each.

use hostler_core::name::DeploymentId;
use hostler_core::plan::{Kind, MachineSpec};
use hostler_core::ports::{Creation, Made, Owned, Power, Provider, Sighting};
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;

/// A provider, and a machine that it can make.
pub struct Contract<'a> {
    /// The provider.
    pub provider: &'a dyn Provider,
    /// A deployment that has nothing at the site.
    pub deployment: DeploymentId,
    /// The machine.
    pub spec: MachineSpec,
    /// A key that may log in to it.
    pub public_key: String,
}

impl Contract<'_> {
    /// Every case, in an order in which each finds what those before have left.
    pub async fn hold(&self, window: &Window) {
        self.offers_are_of_the_site(window).await;
        self.what_is_not_there_is_absent().await;
        let network = self.a_network_is_made_once().await;
        let machine = self.a_machine_is_made_once(&network).await;
        self.what_bears_another_ticket_is_not_deleted(&machine).await;
        self.power_goes_off_and_on(&machine).await;
        self.what_was_made_is_removed(&[(Kind::Machine, &machine), (Kind::Network, &network)]).await;
    }

    async fn offers_are_of_the_site(&self, window: &Window) {
        let offers = self.provider.offers(window).await.unwrap();
        assert!(!offers.is_empty());
        assert!(offers.iter().all(|offer| offer.site == *self.provider.site()));
    }

    async fn what_is_not_there_is_absent(&self) {
        let reference = Ref("hostler-contract-no-such-thing".to_owned());
        for kind in [Kind::Machine, Kind::Network] {
            assert_eq!(self.provider.look(kind, &reference).await.unwrap(), Sighting::Absent);
            let owned = Owned { ticket: self.ticket(kind), kind, reference: reference.clone() };
            self.provider.delete(&owned).await.unwrap();
        }
        assert_eq!(self.ours().await, []);
    }

    async fn a_network_is_made_once(&self) -> Made {
        let what = Creation::Network { machines: vec![self.spec.name.clone()] };
        self.made_once(Kind::Network, &what).await
    }

    async fn a_machine_is_made_once(&self, network: &Made) -> Made {
        let what = Creation::Machine {
            spec: Box::new(self.spec.clone()),
            network: Some(network.reference.clone()),
            lease: None,
            keypair: None,
            public_key: self.public_key.clone(),
            first_boot: String::new(),
        };
        let made = self.made_once(Kind::Machine, &what).await;
        let sighting = self.provider.look(Kind::Machine, &made.reference).await.unwrap();
        assert!(matches!(sighting, Sighting::Coming | Sighting::There(_)), "{sighting:?}");
        made
    }

    async fn made_once(&self, kind: Kind, what: &Creation) -> Made {
        let first = self.provider.create(&self.ticket(kind), what).await.unwrap();
        let second = self.provider.create(&self.ticket(kind), what).await.unwrap();
        assert_eq!(first, second, "the second `create` answers with what the first made");
        let of_kind: Vec<Owned> = self.ours().await.into_iter().filter(|owned| owned.kind == kind).collect();
        assert_eq!(of_kind, [Owned { ticket: self.ticket(kind), kind, reference: first.reference.clone() }]);
        first
    }

    async fn what_bears_another_ticket_is_not_deleted(&self, machine: &Made) {
        let before = self.ours().await;
        let other = Ticket { deployment: self.deployment, step: StepId::new("somebody-else").unwrap() };
        let owned = Owned { ticket: other, kind: Kind::Machine, reference: machine.reference.clone() };
        assert!(self.provider.delete(&owned).await.is_err());
        assert_eq!(self.ours().await, before);
    }

    async fn power_goes_off_and_on(&self, machine: &Made) {
        for power in [Power::Off, Power::Off, Power::On, Power::On] {
            self.provider.set_power(&machine.reference, power).await.unwrap();
            let sighting = self.provider.look(Kind::Machine, &machine.reference).await.unwrap();
            assert_eq!(matches!(sighting, Sighting::Off), power == Power::Off, "{sighting:?}");
        }
    }

    async fn what_was_made_is_removed(&self, things: &[(Kind, &Made)]) {
        for (kind, made) in things {
            let owned = Owned { ticket: self.ticket(*kind), kind: *kind, reference: made.reference.clone() };
            self.provider.delete(&owned).await.unwrap();
            self.provider.delete(&owned).await.unwrap();
            assert_eq!(self.provider.look(*kind, &made.reference).await.unwrap(), Sighting::Absent);
        }
        assert_eq!(self.ours().await, []);
    }

    fn ticket(&self, kind: Kind) -> Ticket {
        Ticket { deployment: self.deployment, step: StepId::new(format!("contract-{kind}")).unwrap() }
    }

    async fn ours(&self) -> Vec<Owned> {
        let all = self.provider.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == self.deployment).collect()
    }
}
