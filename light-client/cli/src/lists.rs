//! `sidelight get transaction`, `receipt`, `logs`: what stands in blocks, proven by their roots.

use sidelight_client::{
    BlockId, Client, LogQuery,
    dto::{LogsView, Mode, TransactionView},
};

use crate::{
    Exit, Outcome,
    args::{Hash, Logs, Show},
    connect, explain,
    output::{self, line},
};

pub(crate) async fn transaction(args: &Hash) -> Outcome {
    let client = open(&args.show).await?;
    let found = find(&client, args).await?;
    client.close().await;
    show(&args.show, &found, &found.trust, |found| {
        let place = &found.summary;
        let address = |address: Option<_>, otherwise: &str| {
            address.map_or_else(|| otherwise.to_owned(), |address| format!("{address}"))
        };
        line(&format!(
            "{}\n  block {} {}, index {}\n  from  {}\n  to    {}\n  value {} wei",
            place.hash,
            found.block.number,
            found.block.hash,
            place.index,
            address(place.from, "unknown"),
            address(place.to, "none: it creates a contract"),
            place.value.unwrap_or_default(),
        ));
    })
}

pub(crate) async fn receipt(args: &Hash) -> Outcome {
    let client = open(&args.show).await?;
    let found = find(&client, args).await?;
    client.close().await;
    let receipt = found.receipt.clone().ok_or_else(|| {
        (
            Exit::Usage,
            "the receipt is of a type that is not known".to_owned(),
        )
    })?;
    show(&args.show, &receipt, &found.trust, |receipt| {
        let status = if receipt.status {
            "succeeded"
        } else {
            "failed"
        };
        line(&format!(
            "{status}, {} gas, {} logs",
            receipt.gas_used,
            receipt.logs.len()
        ));
        for log in &receipt.logs {
            line(&format!("  {} {} {}", log.log_index, log.address, log.data));
        }
    })
}

pub(crate) async fn logs(args: &Logs) -> Outcome {
    let block = |text: &str| BlockId::parse(text).map_err(|error| explain(&error));
    let query = LogQuery {
        from: block(&args.from)?,
        to: block(&args.to)?,
        addresses: args.address.clone(),
        topics: args.topics.iter().map(|topic| topic.0.clone()).collect(),
    };
    let client = open(&args.show).await?;
    let found = client.logs(&query).await.map_err(|error| explain(&error))?;
    client.close().await;
    show(&args.show, &found, &found.trust, print_logs)?;
    // What is proven was printed; that a part is missing is not success.
    match found.missing.first() {
        None => Ok(()),
        Some(gap) => Err((
            Exit::Refused,
            format!(
                "not complete: blocks {} to {}: {}",
                gap.from, gap.to, gap.reason
            ),
        )),
    }
}

fn print_logs(found: &LogsView) {
    for entry in &found.logs {
        let topics: Vec<String> = entry.log.topics.iter().map(ToString::to_string).collect();
        line(&format!(
            "{} {} {} {} {}",
            entry.block.number,
            entry.log.log_index,
            entry.log.address,
            topics.join(","),
            entry.log.data
        ));
    }
    line(&format!(
        "{} logs in blocks {} to {}, {}",
        found.logs.len(),
        found.from,
        found.to,
        if found.complete {
            "complete"
        } else {
            "NOT complete"
        }
    ));
}

async fn open(show: &Show) -> Result<Client, (Exit, String)> {
    let options = show.connect.options(Mode::Headers, Vec::new())?;
    connect(&show.connect, options).await
}

async fn find(client: &Client, args: &Hash) -> Result<TransactionView, (Exit, String)> {
    let found = client.transaction(args.hash).await;
    found.map_err(|error| explain(&error))
}

fn show<T: serde::Serialize>(
    show: &Show,
    value: &T,
    trust: &sidelight_client::dto::Trust,
    print: impl FnOnce(&T),
) -> Outcome {
    if show.json {
        let text = serde_json::to_string(value);
        line(&text.map_err(|error| (Exit::Usage, error.to_string()))?);
        return Ok(());
    }
    print(value);
    line(&output::trust(trust));
    Ok(())
}
