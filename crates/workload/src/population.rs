//! Who calls and what is called upon: accounts, users, roles with sessions, addresses, programs, resources.
//!
//! Everything follows from the seed and a number, so that a thing looks the same wherever it is met. Principals are made
//! once, because there are thousands; resource names are made when they are written, because there may be millions.

use crate::random::{Choice, Random, hash};
use crate::shape;

/// Users of one account.
pub(crate) const USERS_PER_ACCOUNT: usize = 600;
/// Roles of one account.
pub(crate) const ROLES_PER_ACCOUNT: usize = 300;
/// People who sign in and take roles.
pub(crate) const PEOPLE: usize = 800;
/// Resources of one kind in one account that are used again and again.
pub(crate) const RESOURCES_PER_ACCOUNT: u32 = 8192;
/// Buckets of one account.
pub(crate) const BUCKETS_PER_ACCOUNT: u32 = 1024;
/// One in so many names of resources with a generated id is met for the first time.
const FRESH_ONE_IN: u32 = 6;

/// Regions by use; the first has the services that exist once for the whole world.
pub(crate) const REGIONS: [&str; 8] = [
    "us-east-1",
    "eu-central-1",
    "us-west-2",
    "ap-southeast-1",
    "eu-west-1",
    "ap-northeast-1",
    "sa-east-1",
    "ca-central-1",
];

/// Programs that call, beside those of the source records.
const AGENTS: [&str; 10] = [
    "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.79 exe/x86_64.ubuntu.22 prompt/off command/s3.cp",
    "aws-cli/2.13.5 Python/3.11.4 Darwin/22.6.0 exe/x86_64 prompt/off command/ec2.describe-instances",
    "Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux#6.1.79 md/arch#x86_64 lang/python#3.12.2",
    "Boto3/1.28.17 Python/3.9.18 Linux/5.10.205 Botocore/1.31.17",
    "aws-sdk-go-v2/1.25.2 os/linux lang/go#1.22.1 md/GOOS#linux md/GOARCH#amd64 api/dynamodb#1.30.4",
    "aws-sdk-java/2.25.11 Linux/5.10.205 OpenJDK_64-Bit_Server_VM/17.0.10 Java/17.0.10 vendor/Amazon.com_Inc.",
    "APN/1.0 HashiCorp/1.0 Terraform/1.7.5 (+https://www.terraform.io) terraform-provider-aws/5.42.0",
    "aws-sdk-js/3.540.0 ua/2.1 os/linux#5.10.205 lang/js md/nodejs#20.11.1 api/s3#3.540.0",
    "aws-sdk-rust/1.1.8 os/linux lang/rust/1.77.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
];

const FIRST_NAMES: [&str; 24] = [
    "alice", "bruno", "carla", "deniz", "emma", "farid", "greta", "hugo", "ines", "jonas", "kaya", "lena", "milo",
    "nora", "omar", "petra", "quinn", "rosa", "sami", "tara", "ulla", "vera", "wim", "yara",
];
const LAST_NAMES: [&str; 24] = [
    "adler", "blum", "costa", "dorn", "ekman", "fuchs", "gruber", "haas", "ivanov", "jansen", "klein", "lopez",
    "meyer", "novak", "olsen", "peters", "rossi", "sato", "thoma", "unger", "vogel", "weber", "yilmaz", "zorn",
];
const WORDS: [&str; 32] = [
    "orders", "billing", "search", "media", "ingest", "report", "login", "cart", "stock", "mail", "audit", "export",
    "image", "price", "chat", "route", "queue", "cache", "stream", "batch", "proxy", "shop", "fraud", "quote",
    "ledger", "sensor", "model", "tenant", "backup", "metric", "event", "user",
];
const STAGES: [&str; 5] = ["prod", "dev", "test", "stage", "ops"];

/// An IAM user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) unique_id: String,
    pub(crate) access_key: String,
    pub(crate) address: String,
    pub(crate) agents: [u32; 2],
}

/// How the sessions of a role are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionNames {
    /// By the person who signed in.
    People,
    /// By the program, always the same.
    Program,
    /// A new one each time.
    New,
}

/// A role that is assumed.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) unique_id: String,
    pub(crate) program: String,
    pub(crate) address: String,
    pub(crate) agents: [u32; 2],
    pub(crate) session_names: SessionNames,
    pub(crate) session_seconds: i64,
    pub(crate) sessions_at_once: u32,
}

/// A person who takes roles.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// What a resource of some kind is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    /// `i-0123456789abcdef0`: a prefix with its hyphen and so many hexadecimal digits.
    Id { prefix: String, digits: usize },
    /// A UUID, as keys of KMS have.
    Uuid,
    /// A name that people gave; the lead is what all of the kind begin with.
    Name { lead: String },
    /// A bucket.
    Bucket,
}

/// A resource that was drawn: one of the population, or one that is met only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Known(u32),
    Fresh(u64),
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) seed: u64,
    pub(crate) accounts: Vec<String>,
    pub(crate) users: Vec<User>,
    pub(crate) roles: Vec<Role>,
    pub(crate) people: Vec<Person>,
    pub(crate) agents: Vec<String>,
    user_choice: Choice,
    role_choice: Choice,
    person_choice: Choice,
    resource_choice: Choice,
    bucket_choice: Choice,
}

impl Population {
    /// `more_agents` are programs that the source records show.
    pub(crate) fn new(seed: u64, accounts: usize, more_agents: Vec<String>) -> Self {
        let mut random = Random::new(hash(&[seed, 1]));
        let agents: Vec<String> = AGENTS.iter().map(|&agent| agent.to_owned()).chain(more_agents).collect();
        let agent_choice = Choice::zipf(agents.len(), 0.8);
        let accounts: Vec<String> =
            (0..accounts.max(1)).map(|_| format!("{:012}", random.next() % 1_000_000_000_000)).collect();
        let users = (0..accounts.len() * USERS_PER_ACCOUNT).map(|n| user(n, &mut random, &agent_choice)).collect();
        let roles = (0..accounts.len() * ROLES_PER_ACCOUNT).map(|n| role(n, &mut random, &agent_choice)).collect();
        let people = (0..PEOPLE)
            .map(|n| Person {
                name: format!("{}@example.com", person_name(n, &mut random)),
                address: address(&mut random, false),
            })
            .collect();
        Self {
            seed,
            accounts,
            users,
            roles,
            people,
            agents,
            user_choice: Choice::zipf(USERS_PER_ACCOUNT, 1.1),
            role_choice: Choice::zipf(ROLES_PER_ACCOUNT, 1.1),
            person_choice: Choice::zipf(PEOPLE, 0.9),
            resource_choice: Choice::zipf(RESOURCES_PER_ACCOUNT as usize, 1.0),
            bucket_choice: Choice::zipf(BUCKETS_PER_ACCOUNT as usize, 1.1),
        }
    }

    /// A user of an account, by index in [`Population::users`].
    pub(crate) fn draw_user(&self, account: usize, random: &mut Random) -> usize {
        account * USERS_PER_ACCOUNT + self.user_choice.draw(random) as usize
    }

    /// A role of an account, by index in [`Population::roles`].
    pub(crate) fn draw_role(&self, account: usize, random: &mut Random) -> usize {
        account * ROLES_PER_ACCOUNT + self.role_choice.draw(random) as usize
    }

    /// The person of a session, by index in [`Population::people`].
    pub(crate) fn draw_person(&self, random: &mut Random) -> usize {
        self.person_choice.draw(random) as usize
    }

    /// A resource of a kind in an account.
    pub(crate) fn draw_resource(&self, kind: &ResourceKind, account: usize, random: &mut Random) -> Resource {
        let account = account as u32;
        match kind {
            ResourceKind::Bucket => Resource::Known(account * BUCKETS_PER_ACCOUNT + self.bucket_choice.draw(random)),
            ResourceKind::Id { .. } if random.below(FRESH_ONE_IN) == 0 => Resource::Fresh(random.next()),
            _ => Resource::Known(account * RESOURCES_PER_ACCOUNT + self.resource_choice.draw(random)),
        }
    }

    /// Appends the name of a resource.
    pub(crate) fn write_resource(&self, kind: &ResourceKind, resource: Resource, out: &mut Vec<u8>) {
        let number = match resource {
            Resource::Known(index) => u64::from(index),
            Resource::Fresh(number) => number | 1 << 40,
        };
        match kind {
            ResourceKind::Id { prefix, digits } => {
                let kind = prefix.bytes().fold(0, |kind: u64, letter| kind << 5 ^ u64::from(letter));
                let bits = hash(&[self.seed, 3, kind, number]);
                out.extend_from_slice(prefix.as_bytes());
                shape::write_hex(bits, (*digits).min(16), out);
                shape::write_hex(bits.rotate_left(7), digits.saturating_sub(16), out);
            }
            ResourceKind::Uuid => shape::write_uuid(&mut Random::new(hash(&[self.seed, 4, number])), out),
            ResourceKind::Name { lead } => {
                out.extend_from_slice(lead.as_bytes());
                self.write_words(5, number, out);
            }
            ResourceKind::Bucket => {
                out.extend_from_slice(b"example-");
                self.write_words(6, number, out);
            }
        }
    }

    /// A name of two words and a number that no other resource of its kind has.
    fn write_words(&self, salt: u64, number: u64, out: &mut Vec<u8>) {
        let bits = hash(&[self.seed, salt, number]);
        for text in [WORDS[(bits & 31) as usize], "-", STAGES[(bits >> 5) as usize % STAGES.len()], "-"] {
            out.extend_from_slice(text.as_bytes());
        }
        write_decimal(number, 5, out);
    }
}

/// Appends a number with at least so many digits.
pub(crate) fn write_decimal(number: u64, digits_min: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 || digits.len() - at < digits_min.min(digits.len()) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

fn user(index: usize, random: &mut Random, agents: &Choice) -> User {
    let is_machine = random.below(3) == 0;
    let name = if is_machine {
        format!("svc-{}-{index:04}", WORDS[random.below(32) as usize])
    } else {
        format!("{}-{index:04}", person_name(index, random))
    };
    User {
        name,
        unique_id: unique_id("AIDA", 17, random),
        access_key: unique_id("AKIA", 16, random),
        address: address(random, is_machine),
        agents: [agents.draw(random), agents.draw(random)],
    }
}

fn role(index: usize, random: &mut Random, agents: &Choice) -> Role {
    let word = WORDS[random.below(32) as usize];
    let session_names = match random.below(3) {
        0 => SessionNames::People,
        1 => SessionNames::Program,
        _ => SessionNames::New,
    };
    Role {
        name: format!("{word}-{}-role-{index:04}", STAGES[random.below(5) as usize]),
        unique_id: unique_id("AROA", 17, random),
        program: format!("{word}-worker-{index:04}"),
        address: address(random, session_names != SessionNames::People),
        agents: [agents.draw(random), agents.draw(random)],
        session_names,
        // One to twelve hours, as roles allow.
        session_seconds: 3600 * i64::from(1 + random.below(12)),
        sessions_at_once: 1 + random.below(4),
    }
}

fn person_name(index: usize, random: &mut Random) -> String {
    let last = LAST_NAMES[random.below(24) as usize];
    format!("{}.{last}{}", FIRST_NAMES[index % FIRST_NAMES.len()], index / FIRST_NAMES.len())
}

fn unique_id(kind: &str, length: usize, random: &mut Random) -> String {
    let mut out = kind.as_bytes().to_vec();
    shape::write_upper(random, length, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Addresses from ranges that belong to nobody: inside of networks, and those for benchmarks (RFC 2544).
fn address(random: &mut Random, is_inside: bool) -> String {
    let bits = random.next();
    let (third, fourth) = ((bits >> 8) & 255, 1 + (bits >> 16) % 254);
    if is_inside {
        format!("10.{}.{third}.{fourth}", bits & 63)
    } else {
        format!("198.{}.{third}.{fourth}", 18 + (bits & 1))
    }
}

/// The kind of a resource by one of its names.
pub(crate) fn resource_kind(name: &str) -> ResourceKind {
    if shape::is_uuid(name.as_bytes()) {
        return ResourceKind::Uuid;
    }
    if let Some((prefix, digits)) = generated_id(name) {
        return ResourceKind::Id { prefix: prefix.to_owned(), digits };
    }
    ResourceKind::Name { lead: if name.starts_with('/') { "/".to_owned() } else { String::new() } }
}

/// Prefix with its hyphen, and number of hexadecimal digits, of an id such as `vpc-0123456789abcdef0`.
pub(crate) fn generated_id(name: &str) -> Option<(&str, usize)> {
    let at = name.rfind('-')?;
    let (prefix, digits) = name.split_at(at + 1);
    let is_prefix =
        (2..=12).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_digits = matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_prefix && is_digits).then_some((prefix, digits.len()))
}
