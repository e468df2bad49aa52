//! Operations of the site on one connection.

use std::fs::File;

use hostler_core::money::Money;
use hostler_core::offer::{Availability, Facts, Offer, PriceUnit, Supply, Terms};
use hostler_core::plan::MachineSpec;
use hostler_core::ports::{Address, Created};
use hostler_core::ticket::{Ref, Ticket};

use super::error::CallFailure;
use super::images::{broken, find_image, image_facts, missing, unusable};
use super::machine::{self, MachineRequest};
use super::names::resource_name;
use super::pool::Pool;
use super::probe::{self, Freshness};
use super::rpc::{Connection, Domain};
use super::settings::LibvirtSettings;
use super::virtualization::{LABEL, Virtualization};
use super::{capacity, lock, network};
use crate::image::{ImageError, ImageStore};

/// Settings and images of the site.
#[derive(Debug)]
pub(super) struct Site {
    pub settings: LibvirtSettings,
    pub images: ImageStore,
}

impl Site {
    /// Waits for the lock of the site.
    pub fn lock(&self) -> Result<File, CallFailure> {
        lock::acquire(&self.settings.lock, lock::TIMEOUT)
    }

    /// Virtualization of the machines. Runs the test if no result is cached that the caller accepts.
    pub fn virtualization(&self, connection: &Connection, freshness: Freshness) -> Result<Virtualization, CallFailure> {
        let file = &self.settings.virtualization_cache;
        let cached = || {
            let result = probe::cached(connection, file)?;
            Ok::<_, CallFailure>(result.filter(|result| freshness.accepts(result)).map(|result| result.virtualization))
        };
        if let Some(virtualization) = cached()? {
            return Ok(virtualization);
        }
        let _lock = self.lock()?;
        // Another process may have run the test while this one waited for the lock.
        if let Some(virtualization) = cached()? {
            return Ok(virtualization);
        }
        probe::test(connection, &self.settings.pool, &self.images, file)
    }

    /// The only offer: machines of any size that fits.
    pub fn offer(&self, connection: &Connection) -> Result<Offer, CallFailure> {
        // Never tested here: a query must not wait for a test guest.
        let cached = probe::cached(connection, &self.settings.virtualization_cache)?;
        let cached = cached.map(|result| result.virtualization);
        let labels = cached.iter().map(|it| (LABEL.to_owned(), it.label().to_owned())).collect();
        let emulated = match &cached {
            Some(Virtualization::Emulation { reason }) => Some(reason.clone()),
            Some(Virtualization::Kvm) | None => None,
        };
        let virtualization =
            cached.unwrap_or_else(|| Virtualization::Emulation { reason: "not tested yet".to_owned() });
        let memory = machine::memory(connection, &virtualization)?;
        let disk = match Pool::find(connection)? {
            Some(pool) => pool.uncommitted()?,
            None => capacity::free_disk(&self.settings.pool),
        };
        let images = self.images.list().map_err(unusable)?;
        Ok(Offer {
            site: self.settings.site.clone(),
            node_type: "vm".to_owned(),
            facts: Facts {
                cpus: Some(connection.cpus()?),
                memory: Some(memory.largest_guest()),
                disk: Some(disk),
                arch: Some(std::env::consts::ARCH.to_owned()),
                gpus: Vec::new(),
                labels,
                emulated,
            },
            supply: Supply::Divisible { memory: memory.sum_of_guests(), disk },
            availability: Availability::Free,
            // It is the user's own computer.
            price_per_hour: Some(Money::ZERO),
            unit: PriceUnit::Dollars,
            spot: false,
            images: images.into_iter().map(image_facts).collect(),
            accepts_images: true,
            terms: Terms::default(),
        })
    }

    /// Creates and starts a machine, or completes what an earlier attempt has left.
    pub fn create_machine(
        &self,
        connection: &Connection,
        ticket: &Ticket,
        spec: &MachineSpec,
        network: &str,
        public_key: &str,
        script: &str,
    ) -> Result<Created, CallFailure> {
        let missing = || CallFailure::unexpected(format!("there is no network `{network}`"));
        let host = network::host(&network::find(connection, network)?.ok_or_else(missing)?, &spec.name)?;
        let domain = match machine::find(connection, ticket)? {
            Some(domain) => domain,
            None => {
                let request = MachineRequest {
                    ticket,
                    name: &spec.name,
                    cpus: spec.shape.cpus,
                    memory: spec.shape.memory,
                    disk: spec.shape.disk,
                    network,
                    host: &host,
                    public_key,
                    script,
                };
                self.define(connection, &spec.image, &request)?
            }
        };
        machine::start(connection, &domain)?;
        let address = Address { host: host.address.to_string(), port: 22 };
        Ok(Created { reference: Ref(resource_name(ticket)), address: Some(address) })
    }

    /// Defines a machine under the lock: memory and disk that are seen free are claimed before another process looks.
    fn define<'c>(
        &self,
        connection: &'c Connection,
        image: &str,
        request: &MachineRequest<'_>,
    ) -> Result<Domain<'c>, CallFailure> {
        // A missing image or too small a disk is an error before a test guest is started.
        find_image(&self.images, image, request.disk)?;
        let virtualization = self.virtualization(connection, Freshness::Cached)?;
        let _lock = self.lock()?;
        // Another process may have created this machine while this one waited for the lock.
        if let Some(domain) = machine::find(connection, request.ticket)? {
            return Ok(domain);
        }
        let pool = Pool::ensure(connection, &self.settings.pool)?;
        // The image may have been replaced while this process waited, so it is read again.
        let base = pool.ensure_base(&self.images, &find_image(&self.images, image, request.disk)?)?;
        machine::define(connection, &pool, &base, &virtualization, request)
    }

    /// Removes an image from the store and its base from the pool. Fails while a machine uses it.
    ///
    /// The image's lock is taken before the site's: it is held for as long as an image is built, and the site's must not
    /// be held that long.
    pub fn remove_image(&self, connection: &Connection, name: &str) -> Result<(), CallFailure> {
        if matches!(self.images.find(name), Ok(None)) {
            return Err(missing(name));
        }
        let held = self.images.lock_image(name).map_err(unusable)?;
        let _lock = self.lock()?;
        let pool = Pool::find(connection)?;
        // The base of an unreadable image is unknown. It is deleted below with other unused ones, unless a machine uses it.
        let image = self.images.find(name).or_else(|error| if broken(&error) { Ok(None) } else { Err(error) });
        if let (Some(pool), Some(image)) = (&pool, image.map_err(unusable)?) {
            let tickets = pool.machines_on(&image)?;
            if let Some(ticket) = tickets.first() {
                let machines = match tickets.len() {
                    1 => "1 machine".to_owned(),
                    more => format!("{more} machines"),
                };
                let message = format!("the image `{name}` is in use by {machines}, for example `{ticket}`");
                return Err(CallFailure::needs_user(message, "bring down their deployments first"));
            }
            pool.delete_base(&image)?;
        }
        self.images.remove_locked(&held).map_err(|error| match error {
            ImageError::Missing(_) => missing(name),
            error => unusable(error),
        })?;
        if let Some(pool) = pool {
            pool.delete_unused(&self.images);
        }
        Ok(())
    }
}
