/** Uniform numbers in [0, 1) from a seed: a Weyl sequence through the 32 bit finalizer of MurmurHash3. */
export function seededRandom(seed: number): () => number {
  let weyl = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    weyl = (weyl + 0x9e3779b9) >>> 0;
    let bits = weyl;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}
