//! What there is in the embedded shape alone. Each test says why a cluster has nothing like it.

use vitrine::adapters::s3::{S3Config, S3Objects};
use vitrine::app::run;
use vitrine::ports::objects::{ObjectKey, ObjectStore as _};

use crate::configuration::configured;

/// A cluster's objects lie in an S3 of its own, which listens anyway.
#[tokio::test]
async fn the_embedded_object_store_listens_if_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndirectory = \"{}\"\n[media]\nworkers = 0\n\
         [objects]\nlisten = \"127.0.0.1:0\"\naccess_key = \"outside\"\nsecret_key = \"tools\"\n",
        directory.path().join("data").display()
    );
    let running =
        run::start(&configured(directory.path(), &text).unwrap(), run::Role::Server).await.unwrap();
    let url = format!("http://{}", running.objects_address.unwrap());
    let store = |secret: &str| {
        let config = S3Config::new(Some(url.clone()), "local", "vitrine", "outside", secret);
        S3Objects::new(&config, None)
    };
    let key = ObjectKey::parse("outside/note.txt").unwrap();
    store("tools").put(&key, "text/plain", "hello".into()).await.unwrap();
    assert!(store("tools").head(&key).await.unwrap().is_some());
    assert!(store("guess").head(&key).await.is_err(), "a wrong key is refused");
    running.tasks.stop().cancel();
    assert!(running.finish().await);
}
