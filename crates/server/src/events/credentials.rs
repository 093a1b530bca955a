//! The access key that commands sign with.

use std::path::Path;

use access::{RootKey, root_key_file};
use anyhow::{Context, bail};
use aws_wire::sigv4::SecretAccessKey;
use model::AccessKeyId;

/// Where the server keeps its data when nothing is said.
const DATA_DIR_DEFAULT: &str = "data";

/// Finds a key: the root key in the folder that is given, else the one in the environment, else the root key in the
/// folder where the server keeps its data by default.
///
/// # Errors
/// There is none, or what there is cannot be read.
pub(crate) fn find(data_dir: Option<&Path>) -> anyhow::Result<RootKey> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    choose(data_dir, variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), Path::new(DATA_DIR_DEFAULT))
}

fn choose(
    data_dir: Option<&Path>,
    id: Option<String>,
    secret: Option<String>,
    default_dir: &Path,
) -> anyhow::Result<RootKey> {
    if let Some(data_dir) = data_dir {
        return match root_key_file::read(data_dir)? {
            Some(key) => Ok(key),
            None => bail!("there is no root access key in {}: did a server ever start with it?", data_dir.display()),
        };
    }
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(RootKey {
            access_key_id: AccessKeyId::parse(&id).context("AWS_ACCESS_KEY_ID")?,
            secret: SecretAccessKey::parse(&secret).context("AWS_SECRET_ACCESS_KEY")?,
        }),
        (Some(_), None) => bail!("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"),
        (None, Some(_)) => bail!("AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"),
        (None, None) => match root_key_file::read(default_dir)? {
            Some(key) => Ok(key),
            None => bail!(
                "no access key: give --data-dir (the server's data folder), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> RootKey {
        let secret = SecretAccessKey::parse("secret").expect("a secret");
        RootKey { access_key_id: AccessKeyId::parse(id).expect("an id"), secret }
    }

    #[test]
    fn the_given_folder_comes_first_then_the_environment_then_the_default_folder() {
        let (given, default, empty) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        root_key_file::write(given.path(), &key("AKIAGIVEN")).expect("written");
        root_key_file::write(default.path(), &key("AKIADEFAULT")).expect("written");
        let some = |text: &str| Some(text.to_owned());
        let chosen = |dir: Option<&Path>, id, secret, default: &Path| {
            choose(dir, id, secret, default).map(|key| key.access_key_id.to_string()).map_err(|error| error.to_string())
        };
        let (id, secret) = (some("AKIAVARIABLE"), some("secret"));
        assert_eq!(chosen(Some(given.path()), id.clone(), secret.clone(), default.path()).unwrap(), "AKIAGIVEN");
        assert_eq!(chosen(None, id.clone(), secret.clone(), default.path()).unwrap(), "AKIAVARIABLE");
        assert_eq!(chosen(None, None, None, default.path()).unwrap(), "AKIADEFAULT");
        assert!(
            chosen(Some(empty.path()), id.clone(), secret, default.path()).unwrap_err().contains("no root access key")
        );
        assert!(chosen(None, None, None, empty.path()).unwrap_err().contains("--data-dir"));
        assert!(chosen(None, id, None, default.path()).unwrap_err().contains("AWS_SECRET_ACCESS_KEY is not"));
    }
}
