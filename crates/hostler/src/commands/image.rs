//! `hostler image`: the images that local machines boot.

use std::path::Path;

use hostler_engine::run::unless_interrupted;
use hostler_providers::image::{AddImage, Image, ImageError, ImageSource};
use serde_json::json;

use crate::app::App;
use crate::args::{DemandArgs, ImageAddArgs, ImageArgs, ImageBuildArgs, ImageLsArgs, ImageRmArgs, ImageVerb};
use crate::error::{Error, ErrorKind};
use crate::output::Format;
use crate::signals::interrupts;
use crate::view;

/// Runs an `image` command.
pub fn run(app: &App, args: &ImageArgs) -> Result<(), Error> {
    match &args.verb {
        ImageVerb::Build(args) => build(app, args),
        ImageVerb::Add(args) => add(app, args),
        ImageVerb::Ls(args) => match &args.site {
            Some(site) => ls_site(app, site, args),
            None => ls(app),
        },
        ImageVerb::Rm(args) => rm(app, args),
    }
}

fn build(app: &App, args: &ImageBuildArgs) -> Result<(), Error> {
    let sources = app.settings.package_sources()?.or_else(|| app.trust().apt_sources);
    let image = app.block_on(async {
        let (interrupts, store) = (interrupts()?, app.images_to_fill()?);
        let progress = |line: &str| app.printer.say(line);
        let built = async { Ok(store.build(&args.name, sources.as_deref(), &progress).await?) };
        unless_interrupted(&interrupts, built).await
    })?;
    ready(app, &image)
}

fn add(app: &App, args: &ImageAddArgs) -> Result<(), Error> {
    let source = match args.from.split_once("://") {
        Some(("https" | "http", _)) => ImageSource::Url { url: args.from.clone(), sha256: args.sha256.clone() },
        Some((scheme, _)) => {
            let error = Error::new(ErrorKind::Usage, format!("`{scheme}` URLs are not supported"));
            return Err(error.hinted("name a file, or an `https` URL"));
        }
        None => ImageSource::File { path: Path::new(&args.from).to_owned(), sha256: Some(args.sha256.clone()) },
    };
    let wanted = AddImage { name: args.name.clone(), source, user: args.user.clone() };
    let image = app.block_on(async {
        let (interrupts, store) = (interrupts()?, app.images_to_fill()?);
        let progress = |line: &str| app.printer.say(line);
        let added = async { Ok(store.add(&wanted, &progress).await?) };
        unless_interrupted(&interrupts, added).await
    })?;
    ready(app, &image)
}

fn ready(app: &App, image: &Image) -> Result<(), Error> {
    app.emit(image, |_| format!("the image `{}` is ready\n", image.name))
}

fn ls(app: &App) -> Result<(), Error> {
    let store = app.images();
    let (images, broken) = (store.list()?, store.unreadable()?);
    for (name, error) in &broken {
        warn(app, name, error);
    }
    if images.is_empty() && app.format == Format::Text {
        if broken.is_empty() {
            app.printer.say("no images; `hostler image build debian-12` builds one");
        }
        return Ok(());
    }
    app.emit(&images, |width| view::images(&images, width))
}

/// Prints a warning for an image that can't be read.
fn warn(app: &App, name: &str, error: &ImageError) {
    let why = Error::of(ErrorKind::System, error).in_one_line();
    app.printer.say(&format!("warning: the image `{name}` is broken: {why}"));
    app.printer.say(&format!("`hostler image rm {name}` deletes it"));
}

fn rm(app: &App, args: &ImageRmArgs) -> Result<(), Error> {
    let name = &args.name;
    match app.images().find(name) {
        Ok(Some(image)) => app.show(|width| view::images(std::slice::from_ref(&image), width)),
        Ok(None) => return Err(ImageError::Missing(name.clone()).into()),
        Err(error @ ImageError::File { .. }) => warn(app, name, &error),
        Err(error) => return Err(error.into()),
    }
    if args.consent.dry_run {
        return app.emit(&json!({ "status": "would_be_deleted", "name": name }), |_| String::new());
    }
    app.confirm(&args.consent, &format!("Delete the image `{name}`?"))?;
    // Delete through the site: it knows which machines use the image, and has its own copy.
    app.block_on(async { Ok(app.local()?.remove_image(name).await?) })?;
    app.emit(&json!({ "status": "deleted", "name": name }), |_| format!("the image `{name}` is deleted\n"))
}

/// Lists the images of a site. With a request, shows how one of them is chosen.
fn ls_site(app: &App, site: &str, args: &ImageLsArgs) -> Result<(), Error> {
    let options = DemandArgs {
        image: args.image.clone(),
        gpus: args.gpus.clone(),
        node_type: args.node_type.clone(),
        ..DemandArgs::default()
    };
    let is_request = args.image.is_some() || args.gpus.is_some() || args.node_type.is_some();
    if is_request {
        let choice = app.operate(async |operator, interrupts| {
            let demand = app.demand_of(operator, &options, "image").await?;
            Ok(unless_interrupted(interrupts, operator.choose_image(site, &demand)).await?)
        })?;
        return app.emit(&choice, |width| view::image_choice(&choice, width));
    }
    let images =
        app.operate(async |operator, interrupts| Ok(unless_interrupted(interrupts, operator.images_of(site)).await?))?;
    if images.is_empty() && app.format == Format::Text {
        app.printer.say(&format!("`{site}` has no bootable image"));
        return Ok(());
    }
    app.emit(&images, |width| view::site_images(&images, width))
}
