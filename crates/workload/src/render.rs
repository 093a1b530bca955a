//! Makes one event after another from templates.

use crate::calendar::TimeText;
use crate::population::{self, Population, Resource, ResourceKind, SessionNames};
use crate::random::{Random, hash};
use crate::shape;
use crate::tally::Tally;
use crate::template::{Caller, Piece, Slot, Template};

/// One in so many calls comes from an address or a program that is not the caller's usual one.
const UNUSUAL_ONE_IN: u32 = 12;
/// Of so many calls on objects, one is on an object that is used again and again.
const KNOWN_OBJECT_ONE_IN: u32 = 3;
/// Longest session that a user opens in the console.
const CONSOLE_SESSION_SECONDS: i64 = 12 * 3600;

/// Where and when an event happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) account: usize,
    pub(crate) region: &'static str,
    pub(crate) second: i64,
    /// The account and region whose lookups are counted.
    pub(crate) is_home: bool,
}

/// A session of a principal at some time: the same whenever it is met.
struct Session {
    bits: u64,
    start: i64,
    person: usize,
}

/// Makes events; one for each file, so that a file follows from its number alone.
pub(crate) struct Renderer<'a> {
    population: &'a Population,
    kinds: &'a [ResourceKind],
    pub(crate) random: Random,
    time_text: TimeText,
    values: Vec<u8>,
    ends: Vec<usize>,
    met: Vec<(usize, Resource)>,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(population: &'a Population, kinds: &'a [ResourceKind], file: u64) -> Self {
        let random = Random::new(hash(&[population.seed, 2, file]));
        let (values, ends, met) = (Vec::new(), Vec::new(), Vec::new());
        Self { population, kinds, random, time_text: TimeText::default(), values, ends, met }
    }

    /// Appends an event and counts its values. Returns its id if lookups at home find it.
    pub(crate) fn write(
        &mut self,
        number: usize,
        template: &Template,
        moment: Moment,
        tally: &mut Tally,
        out: &mut Vec<u8>,
    ) -> Option<String> {
        let is_lookup = moment.is_home && template.is_management();
        tally.templates[number].add(is_lookup);
        let principal = match template.caller {
            Caller::Role => self.population.draw_role(moment.account, &mut self.random),
            Caller::User | Caller::Other => self.population.draw_user(moment.account, &mut self.random),
        };
        let session = self.session(template.caller, principal, moment.second);
        self.count_caller(template, principal, &session, is_lookup, tally);
        self.values.clear();
        self.ends.clear();
        self.met.clear();
        let mut event_id = None;
        for slot in &template.slots {
            let start = self.values.len();
            self.write_value(slot, template.caller, principal, &session, moment, is_lookup, tally);
            if is_lookup && *slot == Slot::EventId {
                event_id = Some(start..self.values.len());
            }
            self.ends.push(self.values.len());
        }
        for piece in &template.pieces {
            match piece {
                Piece::Text(range) => out.extend_from_slice(&template.text.as_bytes()[range.clone()]),
                Piece::Slot(slot) => {
                    let start = if *slot == 0 { 0 } else { self.ends[*slot - 1] };
                    out.extend_from_slice(&self.values[start..self.ends[*slot]]);
                }
            }
        }
        event_id.map(|range| String::from_utf8_lossy(&self.values[range]).into_owned())
    }

    fn session(&mut self, caller: Caller, principal: usize, second: i64) -> Session {
        let (seconds, at_once, salt) = match caller {
            Caller::Role => {
                let role = &self.population.roles[principal];
                (role.session_seconds, role.sessions_at_once, 7)
            }
            Caller::User | Caller::Other => (CONSOLE_SESSION_SECONDS, 1, 8),
        };
        let lane = u64::from(self.random.below(at_once));
        let offset = (hash(&[self.population.seed, salt, principal as u64, lane]) >> 32) as i64 % seconds;
        let ordinal = (second + offset) / seconds;
        let bits = hash(&[self.population.seed, salt + 2, principal as u64, lane, ordinal as u64]);
        let person = self.population.draw_person(&mut Random::new(bits));
        Session { bits, start: ordinal * seconds - offset, person }
    }

    fn count_caller(
        &self,
        template: &Template,
        principal: usize,
        session: &Session,
        is_lookup: bool,
        tally: &mut Tally,
    ) {
        let slot_of = |number: Option<usize>| number.map(|number| &template.slots[number]);
        match slot_of(template.username_slot) {
            Some(Slot::UserName) => tally.users[principal].add(is_lookup),
            Some(Slot::SessionName) => match self.population.roles[principal].session_names {
                SessionNames::People => tally.people[session.person].add(is_lookup),
                SessionNames::Program => tally.programs[principal].add(is_lookup),
                SessionNames::New => {}
            },
            _ => {}
        }
        if slot_of(template.access_key_slot) == Some(&Slot::UserKey) {
            tally.user_keys[principal].add(is_lookup);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that an event is about, drawn once for each")]
    fn write_value(
        &mut self,
        slot: &Slot,
        caller: Caller,
        principal: usize,
        session: &Session,
        moment: Moment,
        is_lookup: bool,
        tally: &mut Tally,
    ) {
        let population = self.population;
        let out = &mut self.values;
        // A slot of a kind of caller is only in templates with such a caller, whose number `principal` is.
        let user = || &population.users[principal];
        let role = || &population.roles[principal];
        let text: &str = match slot {
            Slot::Account => &population.accounts[moment.account],
            Slot::Region => moment.region,
            Slot::UserName => &user().name,
            Slot::UserId => &user().unique_id,
            Slot::UserKey if caller == Caller::User => &user().access_key,
            Slot::RoleName => &role().name,
            Slot::RoleId => &role().unique_id,
            Slot::Address if self.random.below(UNUSUAL_ONE_IN) == 0 => {
                &population.people[population.draw_person(&mut self.random)].address
            }
            Slot::Address => match caller {
                Caller::Role if role().session_names == SessionNames::People => {
                    &population.people[session.person].address
                }
                Caller::Role => &role().address,
                Caller::User | Caller::Other => &user().address,
            },
            Slot::Agent => {
                let agents = if caller == Caller::Role { role().agents } else { user().agents };
                &population.agents[agents[usize::from(self.random.below(UNUSUAL_ONE_IN) == 0)] as usize]
            }
            Slot::SessionName => match role().session_names {
                SessionNames::People => &population.people[session.person].name,
                SessionNames::Program => &role().program,
                SessionNames::New => {
                    out.extend_from_slice(b"session-");
                    population::write_decimal(session.bits >> 24, 12, out);
                    return;
                }
            },
            Slot::Time => return self.time_text.write(moment.second, out),
            Slot::SessionStart => return self.time_text.write(session.start, out),
            Slot::UserKey | Slot::SessionKey => {
                out.extend_from_slice(b"ASIA");
                return shape::write_upper(&mut Random::new(session.bits), 16, out);
            }
            Slot::EventId => return shape::write_uuid(&mut self.random, out),
            Slot::Random(shape) => return shape.write(&mut self.random, out),
            Slot::ObjectKey(ending) => return self.write_object_key(ending, moment),
            Slot::Resource { class, is_looked_up } => {
                let kind = &self.kinds[*class];
                let resource = population.draw_resource(kind, moment.account, &mut self.random);
                if *is_looked_up && !self.met.contains(&(*class, resource)) {
                    self.met.push((*class, resource));
                    tally.add_resource(*class, resource, is_lookup);
                }
                return population.write_resource(kind, resource, out);
            }
        };
        out.extend_from_slice(text.as_bytes());
    }

    /// Most objects are met once, under the day that they were written; some are read all the time.
    fn write_object_key(&mut self, ending: &str, moment: Moment) {
        let out = &mut self.values;
        let name = ResourceKind::Name { lead: String::new() };
        if self.random.below(KNOWN_OBJECT_ONE_IN) == 0 {
            out.extend_from_slice(b"static/");
            let known = self.population.draw_resource(&name, moment.account, &mut self.random);
            self.population.write_resource(&name, known, out);
        } else {
            out.extend_from_slice(b"data/");
            let start = out.len();
            self.time_text.write(moment.second, out);
            // `2026-11-23T14:…` becomes `2026/11/23/14/`.
            out.truncate(start + "2026-11-23T14:".len());
            for byte in &mut out[start..] {
                if !byte.is_ascii_digit() {
                    *byte = b'/';
                }
            }
            shape::write_hex(self.random.next(), 16, out);
        }
        out.extend_from_slice(ending.as_bytes());
    }
}
