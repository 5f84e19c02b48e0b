//! `sidelight checkpoint`: the verified head, for another client to start from.

use sidelight_client::dto::Mode;

use crate::{Exit, Outcome, args::Checkpoint, connect, explain, output::line};

pub(crate) async fn run(args: Checkpoint) -> Outcome {
    let options = args.connect.options(Mode::Headers, Vec::new())?;
    let client = connect(&args.connect, options).await?;
    let file = client.checkpoint().map_err(|error| explain(&error));
    let head = client.status().head;
    client.close().await;
    let file = file?;
    if args.json {
        line(&file);
        return Ok(());
    }
    let head = head.ok_or((Exit::Unknown, "there is no head".to_owned()))?;
    line(&format!("block  {}", head.number));
    line(&format!("hash   {}", head.hash));
    line(&format!("time   {} s since 1970", head.timestamp));
    line(&format!("\nStart from it with --checkpoint {}", head.hash));
    Ok(())
}
