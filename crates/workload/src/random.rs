//! Random numbers that are the same on every machine and with every version of every library.

/// xoshiro256++ (Blackman and Vigna, public domain), seeded through SplitMix64 as its authors ask.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = [0; 4];
        let mut at = seed;
        for word in &mut state {
            at = at.wrapping_add(GOLDEN);
            *word = mix(at);
        }
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let shifted = b << 17;
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ shifted, d.rotate_left(45)];
        result
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output step of SplitMix64: every bit of the result depends on every bit of the input.
pub(crate) fn mix(input: u64) -> u64 {
    let input = (input ^ (input >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let input = (input ^ (input >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    input ^ (input >> 31)
}

/// One number for several, so that a thing with a place in the population always looks the same.
pub(crate) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(GOLDEN, |state, part| mix(state.rotate_left(5) ^ part.wrapping_mul(GOLDEN).wrapping_add(GOLDEN)))
}

/// Draws an index with given weights in constant time (Walker's alias method).
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    cells: Vec<(u32, u32)>,
}

impl Choice {
    /// Weights need not add up to anything; at least one is above 0.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight / total * weights.len() as f64).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..scaled.len()).partition(|&index| scaled[index] < 1.0);
        let mut cells: Vec<(u32, u32)> = (0..scaled.len()).map(|index| (u32::MAX, index as u32)).collect();
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            cells[low] = ((scaled[low] * f64::from(u32::MAX)) as u32, high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self { cells }
    }

    /// Weights 1, 1/2^s, 1/3^s and so on.
    pub(crate) fn zipf(count: usize, exponent: f64) -> Self {
        let weights: Vec<f64> = (1..=count).map(|rank| (rank as f64).powf(-exponent)).collect();
        Self::new(&weights)
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        let bits = random.next();
        let index = (((bits >> 32) * self.cells.len() as u64) >> 32) as u32;
        let (threshold, other) = self.cells[index as usize];
        if bits as u32 <= threshold { index } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Random};

    #[test]
    fn draws_follow_their_weights() {
        let choice = Choice::new(&[1.0, 0.0, 3.0, 6.0]);
        let mut random = Random::new(7);
        let mut seen = [0_u32; 4];
        for _ in 0..100_000 {
            seen[choice.draw(&mut random) as usize] += 1;
        }
        assert!((9_500..10_500).contains(&seen[0]), "{seen:?}");
        assert!(seen[1] <= 1, "{seen:?}");
        assert!((29_000..31_000).contains(&seen[2]), "{seen:?}");
        assert!((59_000..61_000).contains(&seen[3]), "{seen:?}");
    }
}
