//! `sidelight get`: one proven value and its label.

use sidelight_client::{
    BlockId,
    dto::{Labelled, Mode},
};

use crate::{
    Exit, Outcome,
    args::{Account, Get, What},
    connect, explain, lists,
    output::{self, line},
};

pub(crate) async fn run(args: Get) -> Outcome {
    let (account, slots) = match &args.what {
        What::Balance(account) | What::Nonce(account) | What::Code(account) => (account, vec![]),
        What::Storage { account, slot } => (account, vec![*slot]),
        What::Transaction(wanted) => return lists::transaction(wanted).await,
        What::Receipt(wanted) => return lists::receipt(wanted).await,
        What::Logs(wanted) => return lists::logs(wanted).await,
    };
    let block = BlockId::parse(&account.block).map_err(|error| explain(&error))?;
    let options = account.connect.options(Mode::Headers, Vec::new())?;
    let client = connect(&account.connect, options).await?;
    let address = account.address;
    let (text, labelled) = match &args.what {
        What::Code(_) => {
            let code = client
                .code(address, block)
                .await
                .map_err(|error| explain(&error))?;
            (code.value.to_string(), to_json(&code))
        }
        what => {
            let view = client
                .account(address, &slots, block)
                .await
                .map_err(|error| explain(&error))?;
            match (what, view.storage.first()) {
                (What::Nonce(_), _) => (view.nonce.value.to_string(), to_json(&view.nonce)),
                (What::Storage { .. }, Some(slot)) => (
                    format!("{:#066x}", slot.labelled.value),
                    to_json(&slot.labelled),
                ),
                _ => (
                    format!("{} wei", view.balance.value),
                    to_json(&view.balance),
                ),
            }
        }
    };
    if let Some(file) = &account.save {
        let proof = client
            .save_proof(address, &slots, block)
            .await
            .map_err(|error| explain(&error))?;
        std::fs::write(file, proof)
            .map_err(|error| (Exit::Usage, format!("{}: {error}", file.display())))?;
    }
    client.close().await;
    print(account, &text, &labelled)
}

fn print(account: &Account, text: &str, labelled: &serde_json::Value) -> Outcome {
    if account.json {
        line(&labelled.to_string());
        return Ok(());
    }
    line(text);
    let trust = serde_json::from_value(labelled["trust"].clone())
        .map_err(|error| (Exit::Usage, format!("{error}")))?;
    line(&output::trust(&trust));
    Ok(())
}

fn to_json<T: serde::Serialize>(labelled: &Labelled<T>) -> serde_json::Value {
    serde_json::to_value(labelled).unwrap_or_default()
}
