/** The checksum of an output descriptor (BIP 380). */
const INPUT = '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn];

export function withChecksum(descriptor: string): string {
  let state = 1n;
  let group = 0;
  let inGroup = 0;
  for (const character of descriptor) {
    const position = INPUT.indexOf(character);
    if (position < 0) throw new RangeError(`"${character}" cannot stand in a descriptor`);
    state = fold(state, position & 31);
    group = group * 3 + (position >> 5);
    inGroup++;
    if (inGroup === 3) {
      state = fold(state, group);
      group = 0;
      inGroup = 0;
    }
  }
  if (inGroup > 0) state = fold(state, group);
  for (let index = 0; index < 8; index++) state = fold(state, 0);
  state ^= 1n;
  const checksum = Array.from({ length: 8 }, (_, index) => CHECKSUM[Number((state >> BigInt(5 * (7 - index))) & 31n)]);
  return `${descriptor}#${checksum.join('')}`;
}

function fold(state: bigint, value: number): bigint {
  const top = state >> 35n;
  const shifted = ((state & 0x7ffffffffn) << 5n) ^ BigInt(value);
  return GENERATOR.reduce((sum, generator, index) => ((top >> BigInt(index)) & 1n ? sum ^ generator : sum), shifted);
}
