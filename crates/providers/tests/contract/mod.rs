//! The contract of the port `Provider`: one suite of cases, run against each provider.

use hostler_core::name::DeploymentId;
use hostler_core::offer::{ClaimTerm, KeyTerm, NetworkTerm, ReachTerm, Terms};
use hostler_core::plan::{LeaseSpec, MachineSpec, ResourceKind};
use hostler_core::ports::{CreateRequest, Created, Owned, Power, Provider, ResourceStatus};
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;

/// A provider, and a machine that it can create.
pub struct Contract<'a> {
    /// The provider.
    pub provider: &'a dyn Provider,
    /// A deployment without resources at the site.
    pub deployment: DeploymentId,
    /// The machine, without the network, lease and keypair that the terms require; the suite adds them.
    pub spec: MachineSpec,
    /// The public key to log in with.
    pub public_key: String,
    /// The terms of the site's offers.
    pub terms: Terms,
}

/// All kinds of resources.
const KINDS: [ResourceKind; 6] = [
    ResourceKind::Keypair,
    ResourceKind::Network,
    ResourceKind::Lease,
    ResourceKind::Machine,
    ResourceKind::Address,
    ResourceKind::Volume,
];

impl Contract<'_> {
    /// Runs all cases. Each builds on the resources that the previous ones created.
    pub async fn check(&self, window: &Window) {
        self.offers_name_the_site(window).await;
        self.nonexistent_resources_are_missing().await;
        let mut created = self.prerequisites(window).await;
        let machine = self.machine_is_created_once(&created).await;
        created.push((ResourceKind::Machine, machine.clone()));
        if let ReachTerm::PublicAddress(pool) = &self.terms.reach {
            let request = CreateRequest::Address { pool: pool.clone(), machine: Some(machine.reference.clone()) };
            created.push((ResourceKind::Address, self.create_twice(ResourceKind::Address, &request).await));
        }
        for (kind, resource) in &created {
            self.delete_with_another_ticket_fails(*kind, resource).await;
        }
        self.power_turns_off_and_on(&machine).await;
        created.reverse();
        self.resources_are_deleted(&created).await;
    }

    async fn offers_name_the_site(&self, window: &Window) {
        let offers = self.provider.offers(window).await.unwrap();
        assert!(!offers.is_empty());
        assert!(offers.iter().all(|offer| offer.site == *self.provider.site()));
    }

    async fn nonexistent_resources_are_missing(&self) {
        let reference = Ref("hostler-contract-nonexistent".to_owned());
        for kind in KINDS {
            assert_eq!(self.provider.status(kind, &reference).await.unwrap(), ResourceStatus::Missing, "{kind}");
            let owned = Owned { ticket: self.ticket(kind), kind, reference: reference.clone() };
            // A site may reject a name that can't be one of its volumes.
            if kind != ResourceKind::Volume {
                self.provider.delete(&owned).await.unwrap();
            }
        }
        assert_eq!(self.owned().await, []);
    }

    /// Creates the resources that the terms require before a machine.
    async fn prerequisites(&self, window: &Window) -> Vec<(ResourceKind, Created)> {
        let mut requests = Vec::new();
        if self.terms.key == KeyTerm::Keypair {
            requests.push(CreateRequest::Keypair { public_key: self.public_key.clone() });
        }
        if self.terms.network == NetworkTerm::Own {
            requests.push(CreateRequest::Network { machines: vec![self.spec.name.clone()] });
        }
        if self.terms.claim == ClaimTerm::Lease {
            let (name, site) = (self.spec.name.clone(), self.spec.site.clone());
            let hosts = self.spec.host.iter().cloned().collect();
            requests.push(CreateRequest::Lease { spec: Box::new(LeaseSpec { name, site, window: *window, hosts }) });
        }
        let mut created = Vec::new();
        for request in requests {
            created.push((request.kind(), self.create_twice(request.kind(), &request).await));
        }
        created
    }

    async fn machine_is_created_once(&self, prerequisites: &[(ResourceKind, Created)]) -> Created {
        let of = |kind| prerequisites.iter().find(|(other, _)| *other == kind).map(|(_, it)| it.reference.clone());
        let mut spec = self.spec.clone();
        if let NetworkTerm::Shared(name) = &self.terms.network {
            spec.shared_network = Some(name.clone());
        }
        let request = CreateRequest::Machine {
            spec: Box::new(spec),
            network: of(ResourceKind::Network),
            lease: of(ResourceKind::Lease),
            keypair: of(ResourceKind::Keypair),
            public_key: self.public_key.clone(),
        };
        let machine = self.create_twice(ResourceKind::Machine, &request).await;
        let status = self.provider.status(ResourceKind::Machine, &machine.reference).await.unwrap();
        assert!(matches!(status, ResourceStatus::Pending | ResourceStatus::Running { .. }), "{status:?}");
        machine
    }

    async fn create_twice(&self, kind: ResourceKind, request: &CreateRequest) -> Created {
        let first = self.provider.create(&self.ticket(kind), request).await.unwrap();
        let second = self.provider.create(&self.ticket(kind), request).await.unwrap();
        assert_eq!(first, second, "the second `create` returns the resource of the first");
        let of_kind: Vec<Owned> = self.owned().await.into_iter().filter(|owned| owned.kind == kind).collect();
        assert_eq!(of_kind, [Owned { ticket: self.ticket(kind), kind, reference: first.reference.clone() }]);
        first
    }

    async fn delete_with_another_ticket_fails(&self, kind: ResourceKind, resource: &Created) {
        let before = self.owned().await;
        let other = Ticket { deployment: self.deployment, step: StepId::new("another-step").unwrap() };
        let owned = Owned { ticket: other, kind, reference: resource.reference.clone() };
        assert!(self.provider.delete(&owned).await.is_err());
        assert_eq!(self.owned().await, before);
    }

    async fn power_turns_off_and_on(&self, machine: &Created) {
        for power in [Power::Off, Power::Off, Power::On, Power::On] {
            self.provider.set_power(&machine.reference, power).await.unwrap();
            let status = self.provider.status(ResourceKind::Machine, &machine.reference).await.unwrap();
            assert_eq!(matches!(status, ResourceStatus::Stopped), power == Power::Off, "{status:?}");
        }
    }

    async fn resources_are_deleted(&self, resources: &[(ResourceKind, Created)]) {
        for (kind, resource) in resources {
            let owned = Owned { ticket: self.ticket(*kind), kind: *kind, reference: resource.reference.clone() };
            self.provider.delete(&owned).await.unwrap();
            self.provider.delete(&owned).await.unwrap();
            assert_eq!(self.provider.status(*kind, &resource.reference).await.unwrap(), ResourceStatus::Missing);
        }
        assert_eq!(self.owned().await, []);
    }

    fn ticket(&self, kind: ResourceKind) -> Ticket {
        Ticket { deployment: self.deployment, step: StepId::new(format!("contract-{kind}")).unwrap() }
    }

    async fn owned(&self) -> Vec<Owned> {
        let all = self.provider.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == self.deployment).collect()
    }
}
