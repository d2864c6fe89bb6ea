import type { Address, Term, Username } from '@cloud-steg/protocol';
import { LossyStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import { adoptPresence, findPresence, PresenceLog, PresenceTable } from '../src/index.ts';
import { ALICE, BOB, CAROL, refusal, TERM, World } from './fixtures.ts';

const TTL = 10_000;
const HOME: Address[] = [{ host: '192.168.1.10', port: 6000 }];
const AWAY: Address[] = [{ host: '10.0.0.7', port: 6000 }];

const namesOf = (table: PresenceTable) => table.page(100).users.map(({ username }) => username);

describe('the presence table', () => {
  it('has a user online from a heartbeat until a TTL of silence', () => {
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, 0);
    expect(table.expire(TTL - 1)).toEqual([]);
    expect(table.find(ALICE)).toEqual({ username: ALICE, addresses: HOME, seenAt: 0 });
    expect(table.expire(TTL)).toEqual([ALICE]);
    expect(table.find(ALICE)).toBeUndefined();
    expect(table.expire(TTL)).toEqual([]);
  });

  it('keeps whoever goes on sending', () => {
    const table = new PresenceTable(TTL);
    for (let i = 0; i < 10; i++) {
      table.heartbeat(ALICE, HOME, i, i * (TTL - 1));
      expect(table.expire(i * (TTL - 1))).toEqual([]);
    }
    expect(table.find(ALICE)?.seenAt).toBe(9 * (TTL - 1));
  });

  it('lets no late heartbeat undo a farewell, an expiry or a newer one', () => {
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 5, 0);
    expect(() => table.heartbeat(ALICE, AWAY, 4, 1)).toThrow(/heartbeat 4 .* after heartbeat 5/);
    table.leave(ALICE, 6, 2);
    expect(() => table.heartbeat(ALICE, HOME, 5, 3)).toThrow(/each must be higher/);
    expect(() => table.heartbeat(ALICE, HOME, 6, 3)).toThrow(/each must be higher/);
    expect(table.find(ALICE)).toBeUndefined();
    table.heartbeat(BOB, HOME, 1, 0);
    table.expire(TTL);
    expect(() => table.heartbeat(BOB, HOME, 1, TTL)).toThrow(/each must be higher/);
  });

  it('takes a repeated heartbeat for what it is: no renewal, no error', () => {
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, 0);
    table.heartbeat(ALICE, HOME, 1, TTL - 1);
    expect(table.expire(TTL)).toEqual([ALICE]);
  });

  it('knows from the store what it has forgotten itself', () => {
    const table = new PresenceTable(TTL);
    const stored = { username: ALICE, online: false, addresses: HOME, seq: 9, at: 0 };
    expect(() => table.heartbeat(ALICE, HOME, 9, 1, stored)).toThrow(/each must be higher/);
    table.heartbeat(ALICE, HOME, 10, 1, stored);
    expect(table.find(ALICE)).toBeDefined();
  });

  it('pages by name through those online', () => {
    const table = new PresenceTable(TTL);
    for (const name of [CAROL, ALICE, BOB]) table.heartbeat(name, HOME, 1, 0);
    table.leave(BOB, 2, 0);
    const dave = 'dave' as Username;
    table.heartbeat(dave, HOME, 1, 0);
    const first = table.page(2);
    expect(first).toMatchObject({ users: [{ username: ALICE }, { username: CAROL }], next: CAROL, total: 3 });
    const second = table.page(2, first.next);
    expect(second.users.map(({ username }) => username)).toEqual([dave]);
    expect(second.next).toBeUndefined();
    expect(table.page(2, dave).users).toEqual([]);
  });

  it('asks to store changes, not renewals', () => {
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, 0);
    for (const record of table.unsaved(10)) table.saved(record);
    table.heartbeat(ALICE, HOME, 2, 1);
    expect(table.unsaved(10)).toEqual([]);
    table.heartbeat(ALICE, AWAY, 3, 2);
    expect(table.unsaved(10)).toMatchObject([{ username: ALICE, addresses: AWAY, seq: 3, online: true }]);
  });

  it('does not take an older change for stored that was overtaken while it was written', () => {
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, 0);
    const [writing] = table.unsaved(1);
    table.leave(ALICE, 2, 0);
    if (writing) table.saved(writing);
    expect(table.unsaved(10)).toMatchObject([{ username: ALICE, online: false }]);
  });
});

describe('presence in the store', () => {
  it('lets the next leader go on, with one TTL of grace for everyone', async () => {
    const world = await World.create();
    const table = new PresenceTable(TTL);
    const log = new PresenceLog(world.registry, TERM, table);
    for (const name of [ALICE, BOB, CAROL]) table.heartbeat(name, HOME, 1, world.time);
    table.leave(CAROL, 2, world.time);
    await log.saveAll();

    world.time += 100 * TTL;
    const next = new PresenceTable(TTL);
    await adoptPresence(world.registry, next);
    expect(namesOf(next)).toEqual([ALICE, BOB]);
    expect(next.expire(world.time + TTL - 1)).toEqual([]);
    next.heartbeat(ALICE, HOME, 2, world.time + TTL - 1);
    expect(next.expire(world.time + TTL)).toEqual([BOB]);
  });

  it('keeps who heard from the new leader before the old records were read', async () => {
    const world = await World.create();
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, world.time);
    await new PresenceLog(world.registry, TERM, table).saveAll();
    const next = new PresenceTable(TTL);
    next.heartbeat(ALICE, AWAY, 2, world.time);
    await adoptPresence(world.registry, next);
    expect(next.find(ALICE)?.addresses).toEqual(AWAY);
  });

  it('leads on in spite of a damaged record, which its user’s next heartbeat mends', async () => {
    const world = await World.create();
    const table = new PresenceTable(TTL);
    for (const name of [ALICE, BOB]) table.heartbeat(name, HOME, 1, world.time);
    await new PresenceLog(world.registry, TERM, table).saveAll();
    const damaged = { put: `p/${ALICE}`, value: new Uint8Array([1, 2, 3]) };
    expect(await world.store.commit({ term: TERM, expect: [], ops: [damaged] })).toMatchObject({ ok: true });

    const next = new PresenceTable(TTL);
    await adoptPresence(world.registry, next);
    expect(namesOf(next)).toEqual([BOB]);
    expect(await findPresence(world.registry, ALICE)).toBeUndefined();
    next.heartbeat(ALICE, AWAY, 1, world.time);
    await new PresenceLog(world.registry, TERM, next).saveAll();
    expect((await findPresence(world.registry, ALICE))?.addresses).toEqual(AWAY);
  });

  it('stores many changes in few commits, in spite of lost answers', async () => {
    let commits = 0;
    const world = await World.create(
      (inner) => new LossyStore(inner, () => (commits++ % 2 ? 'answered' : 'lost-after')),
    );
    const table = new PresenceTable(TTL);
    const log = new PresenceLog(world.registry, TERM, table);
    const names = Array.from({ length: 250 }, (_, i) => `user${i}` as Username);
    await Promise.all(
      names.map((name) => {
        table.heartbeat(name, HOME, 1, world.time);
        return log.save(name);
      }),
    );
    expect(commits).toBeLessThanOrEqual(8);
    for (const name of names) expect((await findPresence(world.registry, name))?.online).toBe(true);
    expect(table.unsaved(1)).toEqual([]);
  });

  it('tells whoever waits that another leader has taken over', async () => {
    const world = await World.create();
    await world.store.claimTerm(2 as Term, '127.0.0.1:5002');
    const table = new PresenceTable(TTL);
    table.heartbeat(ALICE, HOME, 1, world.time);
    await expect(new PresenceLog(world.registry, TERM, table).save(ALICE)).rejects.toMatchObject(
      refusal('cluster/fenced'),
    );
    expect(table.isUnsaved(ALICE)).toBe(true);
  });
});
