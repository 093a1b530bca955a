//! The hash that terms are found by. Part of the format: it never changes within a version.

/// Hash of a text, for a kind of term.
///
/// Texts that collide cost a look at a row more, never a wrong answer, so it needs speed and spread, not secrecy.
pub(crate) fn term_hash(kind: u8, text: &[u8]) -> u64 {
    const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
    const SECOND: u64 = 0xd1b5_4a32_d192_ed03;
    let mut state = fold(u64::from(kind) ^ FIRST, text.len() as u64 ^ SECOND);
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        state = fold(state ^ word, SECOND);
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    fold(state ^ u64::from_le_bytes(last), FIRST)
}

fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A changed hash would make every stored segment unfindable.
    #[test]
    fn the_hash_is_the_one_that_is_stored() {
        assert_eq!(term_hash(1, b""), 11_996_356_963_192_432_966);
    }
}
