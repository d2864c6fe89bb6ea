import { describe, expect, it } from 'vitest';
import { BrokenRule, Checker, type Leaseholder } from '../src/checker.ts';
import { FencedStore, SOUND } from '../src/fenced-store.ts';

/** The rule that `act` breaks, if it does. */
function brokenBy(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof BrokenRule ? error.rule : String(error);
  }
}

const holder = (name: string, holds: boolean): Leaseholder => ({ name, holdsLease: () => holds });

describe('the checker', () => {
  it('allows one leader a term (I1)', () => {
    const checker = new Checker();
    checker.elected(0, 1);
    checker.elected(0, 1);
    checker.elected(1, 2);
    expect(brokenBy(() => checker.elected(2, 2))).toBe('I1');
  });

  it('allows one lease at a time (I2)', () => {
    const checker = new Checker();
    checker.leased(0, 0, [holder('n1', true), holder('n2', false)]);
    expect(brokenBy(() => checker.leased(0, 0, [holder('n1', true), holder('n2', true)]))).toBe('I2');
  });

  it('allows no fall of a durable term (I3)', () => {
    const checker = new Checker();
    checker.persists(0, 5);
    // That write was cut short by a crash.
    checker.persists(0, 4);
    checker.persisted(0, 4);
    expect(brokenBy(() => checker.persists(0, 3))).toBe('I3');
  });

  it('allows no word of a term that a crash would make forgotten (I3)', () => {
    const checker = new Checker();
    checker.speaks(0, 4, 4);
    expect(brokenBy(() => checker.speaks(0, 5, 4))).toBe('I3');
  });

  it('allows one vote a term (I4), and none that a crash would make forgotten', () => {
    const checker = new Checker();
    checker.votes(0, 1, 2, true);
    checker.votes(0, 1, 2, true);
    checker.votes(0, 2, 1, true);
    expect(brokenBy(() => checker.votes(0, 2, 2, true))).toBe('I4');
    expect(brokenBy(() => checker.votes(1, 1, 2, false))).toBe('I4');
  });

  it('forgets the votes for a node whose disk was lost, and no others', () => {
    const checker = new Checker();
    checker.votes(0, 1, 2, true);
    checker.votes(1, 1, 0, true);
    checker.forgets(2);
    checker.votes(0, 1, 1, true);
    expect(brokenBy(() => checker.votes(1, 1, 1, true))).toBe('I4');
  });
});

describe('the store', () => {
  it('grants terms in rising order, and a repeated claim to whoever holds it', () => {
    const store = new FencedStore(1, SOUND);
    expect(store.claim(2, 0)).toBe(true);
    expect(store.claim(2, 0)).toBe(true);
    expect(store.claim(2, 1)).toBe(false);
    expect(store.claim(1, 1)).toBe(false);
    expect(store.claimsRefused).toBe(2);
  });

  it('refuses commits of any but the claimed term', () => {
    const store = new FencedStore(1, SOUND);
    store.claim(2, 0);
    expect(store.write(1, 1)).toBe('fenced');
    expect(store.write(3, 1)).toBe('fenced');
    expect(store.write(2, 0)).toBe('ok');
  });

  it('refuses a view that was decided on what has changed since', () => {
    const store = new FencedStore(2, SOUND);
    store.claim(1, 0);
    const seen = store.see('a');
    expect(store.countView(1, 0, 'a', seen)).toBe('ok');
    expect(store.countView(1, 0, 'b', seen)).toBe('conflict');
    expect(store.see('a').counted).toBe(true);
  });

  it('notices a write of an older term after a newer one (I5) where nothing fences', () => {
    const store = new FencedStore(1, { ...SOUND, fence: false });
    store.write(2, 0);
    expect(brokenBy(() => store.write(1, 1))).toBe('I5');
  });

  it('notices views that are overspent (V1) or counted twice (V2)', () => {
    const unchecked = { ...SOUND, revisions: false, viewIds: false };
    const store = new FencedStore(1, unchecked);
    store.claim(1, 0);
    store.countView(1, 0, 'a', store.see('a'));
    expect(brokenBy(() => store.countView(1, 0, 'b', store.see('b')))).toBe('V1');
    const other = new FencedStore(2, unchecked);
    other.claim(1, 0);
    other.countView(1, 0, 'a', other.see('a'));
    expect(brokenBy(() => other.countView(1, 0, 'a', other.see('a')))).toBe('V2');
  });
});
