use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::PrincipalKind;

const ACCOUNT: &str = "111122223333";

fn config(key: Option<(&str, &str)>) -> DirectoryConfig {
    DirectoryConfig {
        default_account: AccountId::parse(ACCOUNT).expect("digits"),
        root_access_key_id: key.map(|(id, _)| AccessKeyId::parse(id).expect("an id")),
        root_secret_access_key: key.map(|(_, secret)| SecretAccessKey::parse(secret).expect("a secret")),
    }
}

fn open(folder: &Path, key: Option<(&str, &str)>) -> (Directory, RootKeyOrigin) {
    Directory::open(folder, config(key)).expect("a directory")
}

fn refusal(folder: &Path) -> String {
    Directory::open(folder, config(None)).expect_err("refused").to_string()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
}

#[test]
fn first_start_makes_a_key_and_later_starts_keep_it() {
    let temporary = TempDir::new().expect("a folder");
    let folder = temporary.path().join("new/data");
    let (first, origin) = open(&folder, None);
    assert_eq!(origin, RootKeyOrigin::CreatedNow);
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&root_key_file::path(&folder)), 0o600);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "no temporary file stays");

    let (second, origin) = open(&folder, None);
    assert_eq!(origin, RootKeyOrigin::Kept);
    assert_eq!(first.root().access_key_id, second.root().access_key_id);
    assert_eq!(first.root().secret.expose(), second.root().secret.expose());
    assert_eq!(second.default_account().as_str(), ACCOUNT);

    let other = TempDir::new().expect("a folder");
    assert_ne!(open(other.path(), None).0.root().secret.expose(), first.root().secret.expose());
}

#[test]
fn a_configured_key_applies_at_first_start_only() {
    let folder = TempDir::new().expect("a folder");
    let (directory, origin) = open(folder.path(), Some(("AKIACONFIGURED", "secret-one")));
    assert_eq!(origin, RootKeyOrigin::FromConfiguration);
    assert_eq!(directory.root().secret.expose(), "secret-one");
    assert_eq!(open(folder.path(), Some(("AKIACONFIGURED", "secret-one"))).1, RootKeyOrigin::Kept);

    for other in [("AKIAOTHER", "secret-one"), ("AKIACONFIGURED", "secret-two")] {
        let (directory, origin) = open(folder.path(), Some(other));
        assert_eq!(directory.root().secret.expose(), "secret-one");
        let RootKeyOrigin::KeptDespiteConfiguration(warning) = origin else { panic!("no warning: {origin:?}") };
        let text = warning.to_string();
        assert!(text.contains(&root_key_file::path(folder.path()).display().to_string()), "{text}");
        assert!(!text.contains("secret-"), "{text}");
    }
}

#[test]
fn half_a_key_is_refused_before_anything_is_written() {
    let folder = TempDir::new().expect("a folder");
    let mut half = config(Some(("AKIACONFIGURED", "secret-one")));
    half.root_secret_access_key = None;
    let text = Directory::open(folder.path(), half).expect_err("half a key").to_string();
    assert_eq!(
        text,
        "the configuration sets the root access key id without the root secret access key: set both or none"
    );
    assert!(!root_key_file::path(folder.path()).exists());
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_remedy() {
    let folder = TempDir::new().expect("a folder");
    open(folder.path(), None);
    let file = root_key_file::path(folder.path());
    for open_mode in [0o644, 0o640, 0o602, 0o611] {
        fs::set_permissions(&file, Permissions::from_mode(open_mode)).expect("chmod");
        let text = refusal(folder.path());
        assert!(text.contains(&format!("(mode {open_mode:04o})")), "{text}");
        assert!(text.contains(&format!("`chmod 600 {}`", file.display())), "{text}");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o400)).expect("chmod");
    assert_eq!(open(folder.path(), None).1, RootKeyOrigin::Kept);
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let folder = TempDir::new().expect("a folder");
    open(folder.path(), None);
    let file = root_key_file::path(folder.path());
    let whole = fs::read(&file).expect("bytes");
    for length in 0..whole.len() - 2 {
        fs::write(&file, &whole[..length]).expect("a shorter file");
        let text = refusal(folder.path());
        assert!(text.starts_with(&format!("{} is damaged: not JSON of the expected form", file.display())), "{text}");
        assert!(text.contains("Restore it from a copy, or delete it"), "{text}");
        assert_eq!(fs::read(&file).expect("bytes").len(), length);
    }
    fs::write(&file, &whole).expect("the whole file");
    assert_eq!(open(folder.path(), None).1, RootKeyOrigin::Kept);
}

#[test]
fn what_a_crash_leaves_is_no_key() {
    // Before the rename a crash leaves the temporary file, whole or torn: its key was told to nobody.
    let folder = TempDir::new().expect("a folder");
    let torn = folder.path().join("root-access-key.json.new");
    fs::write(&torn, b"{\"version\": 1, \"access_key_id\": \"AKIAST").expect("a torn file");
    fs::set_permissions(&torn, Permissions::from_mode(0o644)).expect("chmod");
    let (_, origin) = open(folder.path(), None);
    assert_eq!(origin, RootKeyOrigin::CreatedNow);
    assert!(!torn.exists());
    assert_eq!(mode(&root_key_file::path(folder.path())), 0o600);
}

#[test]
fn a_key_that_cannot_be_stored_is_not_handed_out() {
    let folder = TempDir::new().expect("a folder");
    let blocked = folder.path().join("file");
    fs::write(&blocked, b"").expect("a file");
    let text = Directory::open(&blocked.join("data"), config(None)).expect_err("no folder").to_string();
    assert!(text.starts_with("cannot "), "{text}");
    // The temporary name is taken by a folder, so the second step fails: no key file may appear.
    fs::create_dir(folder.path().join("root-access-key.json.new")).expect("a folder");
    let text = refusal(folder.path());
    assert!(text.starts_with("cannot remove "), "{text}");
    assert!(!root_key_file::path(folder.path()).exists());
}

#[test]
fn finds_the_owner_of_a_key() {
    let folder = TempDir::new().expect("a folder");
    let (directory, _) = open(folder.path(), Some(("AKIACONFIGURED", "secret-one")));
    let owner = directory.find(&AccessKeyId::parse("AKIACONFIGURED").expect("an id")).expect("the root user");
    assert_eq!((owner.kind, owner.account.as_str()), (PrincipalKind::Root, ACCOUNT));
    assert_eq!(owner.identity.arn.as_deref(), Some("arn:aws:iam::111122223333:root"));
    assert_eq!(owner.identity.access_key_id.as_deref(), Some("AKIACONFIGURED"));
    assert!(directory.find(&AccessKeyId::parse("AKIASOMEONEELSE").expect("an id")).is_none());
    assert!(!format!("{directory:?}").contains("secret-one"));
}
