import { copyFile, cp, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from '../src/data-directory.ts';
import { listGrants } from '../src/grants.ts';
import { openPeer, type Peer } from '../src/peer.ts';
import type { Row } from '../src/peer-database.ts';
import { findPerson } from '../src/people.ts';
import { listReceived } from '../src/receiving.ts';
import { requestImage } from '../src/requests.ts';
import { sendImage } from '../src/sending.ts';
import { inspectCarrier, viewImage } from '../src/viewing.ts';
import { type Member, Memory, World } from './world.ts';

let world: World;
let alice: Member;
let bob: Member;
let opened: Peer[];

beforeEach(async () => {
  opened = [];
  world = await World.start();
  alice = await world.join('alice');
  bob = await world.join('bob', ['friends.jpg']);
});
afterEach(async () => {
  for (const peer of opened) peer.close();
  await world.close();
});

/** A carrier for alice; its path. */
async function share(views: number): Promise<string> {
  await requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: true });
  await sendImage(bob.peer, {
    requester: alice.name,
    imageIndex: 0,
    views,
    expiresAt: null,
    allowSave: true,
  });
  const file = listReceived(alice.peer).at(-1)?.file;
  if (!file) throw new Error('nothing arrived');
  return file;
}

const used = async () => (await listGrants(bob.peer, 'owner'))[0]?.used;

/** Copies all that alice has; the result sets up that copy anew, each time elsewhere, and opens it. */
async function backUp(carrier: string): Promise<() => Promise<{ peer: Peer; file: string }>> {
  const { directory, database, username } = alice.peer;
  const backup = new DataDirectory(join(world.folder, 'backup'));
  await cp(directory.carriers(username), backup.carriers(username), { recursive: true });
  await mkdir(backup.peer(username), { recursive: true });
  await copyFile(directory.identityFile(username), backup.identityFile(username));
  database.run('VACUUM INTO ?', backup.databaseFile(username));
  return async () => {
    const restored = new DataDirectory(join(world.folder, `restored-${opened.length}`));
    await cp(backup.root, restored.root, { recursive: true });
    const peer = await openPeer(world.ports, { dataDir: restored.root, username });
    opened.push(peer);
    return { peer, file: join(restored.carriers(username), basename(carrier)) };
  };
}

/** From now on, `first` happens when alice is about to close a view, until the function returned is called. */
function beforeClosing(first: () => void | Promise<void>): () => void {
  const { cluster } = alice.peer;
  const call = cluster.call.bind(cluster);
  cluster.call = (async (request: Parameters<typeof call>[0]) => {
    if (request.path.endsWith('/close')) await first();
    return call(request);
  }) as typeof call;
  return () => {
    cluster.call = call;
  };
}

/** Alice pays for a view, but her cable is pulled before she can close it. */
async function cutBeforeClosing(carrier: string): Promise<void> {
  const mend = beforeClosing(() => {
    throw new AppError('cluster/unreachable', 'the cable was pulled');
  });
  await expect(viewImage(alice.peer, carrier, new Memory())).rejects.toThrow('the cable was pulled');
  mend();
}

describe('an old copy of everything a peer has, put back after a view', () => {
  it('shows the picture again only for another view', async () => {
    const carrier = await share(3);
    const restore = await backUp(carrier);
    const display = new Memory();
    await viewImage(alice.peer, carrier, display);
    for (const spent of [2, 3]) {
      const { peer, file } = await restore();
      expect(await viewImage(peer, file, display)).toMatchObject({ n: spent });
      expect(await used()).toBe(spent);
    }
    const { peer, file } = await restore();
    await expect(viewImage(peer, file, display)).rejects.toMatchObject({ code: 'grant/exhausted' });
    expect(display.shown).toHaveLength(3);
  });

  it('shows nothing once the views are used', async () => {
    const carrier = await share(1);
    const restore = await backUp(carrier);
    const display = new Memory();
    await viewImage(alice.peer, carrier, display);
    for (let i = 0; i < 2; i++) {
      const { peer, file } = await restore();
      await expect(viewImage(peer, file, display)).rejects.toMatchObject({ code: 'grant/exhausted' });
    }
    expect(display.shown).toHaveLength(1);
    expect(await used()).toBe(1);
  });

  it('made between opening a view and closing it, shows nothing that was shown', async () => {
    const carrier = await share(2);
    await cutBeforeClosing(carrier);
    const restore = await backUp(carrier);
    const display = new Memory();
    await viewImage(alice.peer, carrier, display);
    const { peer, file } = await restore();
    await expect(viewImage(peer, file, display)).rejects.toMatchObject({ code: 'view/closed' });
    expect(display.shown).toHaveLength(1);
    expect(await used()).toBe(1);
  });
});

describe('a copy of a view that is open', () => {
  it('shows the picture in one place, though both got the answer', async () => {
    const carrier = await share(2);
    await cutBeforeClosing(carrier);
    const { peer, file } = await (await backUp(carrier))();
    const [here, there] = [new Memory(), new Memory()];
    beforeClosing(async () => {
      expect(await viewImage(peer, file, there)).toMatchObject({ n: 1 });
    });
    await expect(viewImage(alice.peer, carrier, here)).rejects.toMatchObject({ code: 'view/closed' });
    expect([here.shown.length, there.shown.length]).toEqual([0, 1]);
    expect(await used()).toBe(1);
  });
});

describe('the journal of a view, put back after the view was closed', () => {
  /** Alice views once; what her journal held just before she closed the view. */
  async function viewAndKeepJournal(file: string, display: Memory): Promise<Row> {
    let journal: Row | undefined;
    beforeClosing(() => {
      journal = alice.peer.database.get('SELECT * FROM view_journal');
    });
    await viewImage(alice.peer, file, display);
    if (!journal) throw new Error('the view was not journaled');
    expect(alice.peer.database.all('SELECT * FROM view_journal')).toEqual([]);
    return journal;
  }

  function putBack(journal: Row): void {
    const { view_id, grant_id, key_seed, begun_at } = journal;
    alice.peer.database.run(
      'INSERT INTO view_journal (view_id, grant_id, key_seed, begun_at) VALUES (?, ?, ?, ?)',
      String(view_id),
      String(grant_id),
      String(key_seed),
      Number(begun_at),
    );
  }

  it.each([1, 2])('gains nothing, of %i granted', async (views) => {
    const file = await share(views);
    await copyFile(file, `${file}.backup`);
    const display = new Memory();
    const journal = await viewAndKeepJournal(file, display);
    for (let i = 0; i < 2; i++) {
      await copyFile(`${file}.backup`, file);
      putBack(journal);
      await expect(viewImage(alice.peer, file, display)).rejects.toMatchObject({ code: 'view/closed' });
      expect(display.shown).toHaveLength(1);
      expect(await used()).toBe(1);
    }
  });
});

describe('a carrier', () => {
  it('is searched for its sender’s header before anybody else’s', async () => {
    const file = await share(1);
    // Before bob by name, and no less contacts.
    for (const name of ['aaron', 'abigail']) {
      const other = await world.join(name);
      await findPerson(alice.peer, other.name);
    }
    const { engine } = alice.peer.ports;
    const find = engine.find.bind(engine);
    let tried: string[] = [];
    engine.find = (png, name, candidates) => {
      tried = candidates.map(({ owner }) => owner);
      return find(png, name, candidates);
    };
    expect(await inspectCarrier(alice.peer, file)).toMatchObject({ owner: 'bob' });
    expect(tried).toEqual(['bob', 'aaron', 'abigail', 'alice', 'alice', 'alice']);
    // A copy under another name is in no record, but bob has been asked before.
    await copyFile(file, `${file}.copy.png`);
    expect(await inspectCarrier(alice.peer, `${file}.copy.png`)).toMatchObject({ owner: 'bob' });
    expect(tried[0]).toBe('bob');
  });
});
