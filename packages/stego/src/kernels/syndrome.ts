/**
 * Kernels of the header's code. Everywhere `parities` and `flips` hold one sample a byte, 0 or 1;
 * `message` is packed, LSB first; segment `k` is `columns.length - 1` samples long, one more where
 * `k mod 3 = 2`. All lengths agree: three message bits for every `3 * columns.length - 2` samples.
 */

/** Writes the message that `parities` say, every bit of it, into `message`. */
export function readSyndrome(parities: Uint8Array, columns: Uint8Array, message: Uint8Array): void {
  const bits = message.length * 8;
  message.fill(0);
  for (let k = 0, i = 0, register = 0, third = 0; k < bits; k++) {
    let end = i + columns.length - 1;
    if (third === 2) {
      end++;
      third = 0;
    } else third++;
    for (let j = 0; i < end; i++, j++) register ^= -parities[i]! & columns[j]!;
    message[k >> 3]! |= (register & 1) << (k & 7);
    register >>>= 1;
  }
}

/**
 * Changes `parities` so that they say `message`, at most one sample a segment: the last. Its column
 * starts with a 1 and reaches no earlier bit, so settling bit after bit settles all.
 *
 * Parities that were uniform are uniform over all that say `message` afterwards: the map is
 * `x -> x + g(Hx + m)` with `g` linear and `H g(z) = z`, and `y` with `H y = m` has exactly the
 * preimages `y + g(z)`, one for each `z`, as many as any other such `y`.
 */
export function settleSyndrome(parities: Uint8Array, columns: Uint8Array, message: Uint8Array): void {
  const bits = message.length * 8;
  for (let k = 0, i = 0, register = 0, third = 0; k < bits; k++) {
    let end = i + columns.length - 1;
    if (third === 2) {
      end++;
      third = 0;
    } else third++;
    let j = 0;
    for (; i < end; i++, j++) register ^= -parities[i]! & columns[j]!;
    if ((register & 1) !== ((message[k >> 3]! >> (k & 7)) & 1)) {
      parities[end - 1]! ^= 1;
      register ^= columns[j - 1]!;
    }
    register >>>= 1;
  }
}

/** Stands for "no path leads here"; sums with any real cost stay far below 2^31. */
const UNREACHED = 1 << 29;

/**
 * The cheapest `flips` whose syndrome is `message`: Viterbi's algorithm over 256 states, of which
 * `s` and `s ^ column` exchange in place. On equal costs nothing is flipped.
 *
 * @param costs of flipping each sample, 1..255.
 * @param metrics scratch, 256 numbers.
 * @param decisions scratch, 8 words a sample: bit `p` of the first four says that even state `2p` is
 *   reached by a flip, of the last four that its partner is.
 */
export function cheapestFlips(
  costs: Uint8Array,
  columns: Uint8Array,
  message: Uint8Array,
  flips: Uint8Array,
  metrics: Int32Array,
  decisions: Uint32Array,
): void {
  const bits = message.length * 8;
  metrics.fill(UNREACHED);
  metrics[0] = 0;
  let sample = 0;
  for (let k = 0; k < bits; k++) {
    const end = sample + columns.length - (k % 3 === 2 ? 0 : 1);
    for (let j = 0; sample < end; sample++, j++)
      stepTrellis(metrics, decisions, sample * 8, columns[j]!, costs[sample]!);
    const wanted = (message[k >> 3]! >> (k & 7)) & 1;
    for (let s = 0; s < 128; s++) metrics[s] = metrics[2 * s + wanted]!;
    metrics.fill(UNREACHED, 128);
  }
  let state = 0;
  for (let s = 1; s < 128; s++) if (metrics[s]! < metrics[state]!) state = s;
  for (let k = bits - 1; k >= 0; k--) {
    state = ((state << 1) | ((message[k >> 3]! >> (k & 7)) & 1)) & 255;
    for (let j = columns.length - (k % 3 === 2 ? 1 : 2); j >= 0; j--) {
      sample--;
      const column = columns[j]!;
      const odd = state & 1;
      const pair = (odd ? state ^ column : state) >> 1;
      const flip = (decisions[sample * 8 + odd * 4 + (pair >> 5)]! >>> (pair & 31)) & 1;
      flips[sample] = flip;
      if (flip) state ^= column;
    }
  }
}

/**
 * One sample of the forward pass. Bit 0 of `column` is set, so an even state's partner is odd. Without
 * branches, as nobody could predict them: a sign bit says whether a flip is cheaper.
 */
function stepTrellis(
  metrics: Int32Array,
  decisions: Uint32Array,
  at: number,
  column: number,
  cost: number,
): void {
  for (let word = 0; word < 4; word++) {
    let even = 0;
    let odd = 0;
    const end = (word + 1) << 6;
    for (let s = word << 6; s < end; s += 2) {
      const t = s ^ column;
      const a = metrics[s]!;
      const b = metrics[t]!;
      const gainEven = (b + cost - a) | 0;
      const gainOdd = (a + cost - b) | 0;
      metrics[s] = a + (gainEven & (gainEven >> 31));
      metrics[t] = b + (gainOdd & (gainOdd >> 31));
      even = (even >>> 1) | (gainEven & -2147483648);
      odd = (odd >>> 1) | (gainOdd & -2147483648);
    }
    decisions[at + word] = even;
    decisions[at + 4 + word] = odd;
  }
}
