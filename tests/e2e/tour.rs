//! The tour of the README, run as it stands.

use std::process::Command;

use crate::demo::Demo;

pub async fn the_readmes_tour_ends_in_an_order(demo: &Demo) {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("<!-- tour:begin -->\n```sh\n").expect("the tour is marked");
    let (script, _) = rest.split_once("```\n<!-- tour:end -->").expect("the tour ends");
    let (script, url) = (script.to_owned(), demo.url.clone());
    let run = move || {
        let mut run = Command::new("bash");
        run.args(["-euo", "pipefail", "-c", &script]).env("URL", url).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    let order = said.lines().last().unwrap_or_default();
    assert!(order.contains(r#""state":"placed""#) && order.contains("ord_"), "{said}");
}
