//! `hostler image ls --site`: the images of a site, and how one of them is chosen.

use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::{choose_image, images_of};
use hostler_core::time::Window;
use jiff::SignedDuration;

use crate::app::App;
use crate::args::{DemandArgs, ImageLsArgs};
use crate::drive::{interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::output::Format;
use crate::resources;
use crate::view;

/// Lists them; with a wish, in the two stages of the choice.
pub(super) fn ls(app: &App, site: &str, args: &ImageLsArgs) -> Result<(), Error> {
    let (site, offers) = app.block_on(async { unless_interrupted(&interrupts()?, offers(app, site)).await })?;
    if args.image.is_none() && args.gpus.is_none() && args.node_type.is_none() {
        let images = images_of(&offers);
        if images.is_empty() && app.format == Format::Text {
            app.printer.say(&format!("`{site}` has no image that boots"));
            return Ok(());
        }
        return app.emit(&images, |width| view::site_images(&images, width));
    }
    let flags = DemandArgs {
        image: args.image.clone(),
        gpus: args.gpus.clone(),
        node_type: args.node_type.clone(),
        ..DemandArgs::default()
    };
    let demand = app.demand_of_flags(&flags, "image")?;
    let needs = demand.groups.first().and_then(|group| group.any_of.first());
    let Some(choice) = needs.and_then(|needs| choose_image(needs, &offers)) else {
        let error = Error::new(ErrorKind::NoOffer, format!("`{site}` has no machines of that kind"));
        return Err(error.hinted("`hostler availability` shows what there is"));
    };
    app.emit(&choice, |width| view::image_choice(&choice, width))
}

async fn offers(app: &App, site: &str) -> Result<(SiteId, Vec<Offer>), Error> {
    let sites = app.sites()?;
    let id: SiteId = resources::full_name(&sites, site).parse()?;
    let Some(provider) = sites.get(&id) else {
        resources::wished(&sites, &[id.to_string()])?;
        return Err(Error::new(ErrorKind::Usage, format!("`{site}` is several sites: name one")));
    };
    let window = Window::of((app.now)(), SignedDuration::from_hours(1))?;
    Ok((id, provider.offers(&window).await?))
}
