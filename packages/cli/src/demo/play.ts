/** The play: everything the guide describes, with real processes, each step checked. */

import { copyFile, readFile, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT } from '@cloud-steg/protocol';
import { formatBytes } from '../wording.ts';
import { demand, isGone, listIn, numberIn, refused, sameBytes, succeeds, textIn } from './checks.ts';
import { exhibitGenerated, exhibitPair } from './exhibits.ts';
import type { Report } from './report.ts';
import { type Stage, USERS, type User } from './stage.ts';

const PHOTOS: Record<User, string> = {
  alice: 'aitzgorri.jpg',
  bob: 'sunset.jpg',
  charlie: 'friends.jpg',
  mallory: 'umang.jpg',
};
/** Everybody has it here, which a real cover must never be: whoever finds the original sees the difference. */
const COVER = 'seeding.jpg';

function photo(name: string): string {
  return fileURLToPath(new URL(`../../../../examples/photos/${name}`, import.meta.url));
}

/** A carrier that arrived. */
interface Received {
  readonly file: string;
  readonly grant: string;
}

/** Plays all of it; what it leaves to look at goes into the folder `output`. Throws at the first step that comes out otherwise. */
export async function play(stage: Stage, report: Report, output: string): Promise<void> {
  await startCluster(stage, report);
  await gather(stage, report);
  const bobs = await share(stage, report);
  await open(stage, report, bobs, output);
  const charlies = await shareInCover(stage, report, output);
  await extendAndRevoke(stage, report, charlies);
}

async function startCluster(stage: Stage, report: Report): Promise<void> {
  await report.step('servers', async () => {
    await stage.startServers();
    const { server, status } = await stage.leader();
    return {
      text: `three discovery servers run; ${server.node} was elected leader (term ${status.term})`,
      data: { leader: server.node, term: status.term, servers: stage.servers.map(({ url }) => url) },
    };
  });
}

async function gather(stage: Stage, report: Report): Promise<void> {
  await report.step('register', async () => {
    const fingerprints = await Promise.all(
      USERS.map(async (user) => {
        const address = ['--ip', '127.0.0.1', '--port', String(stage.port(user))];
        const images = ['--image-paths', photo(PHOTOS[user])];
        const { json, ended } = await succeeds(stage.run(user, 'register', ...address, ...images));
        const isNew = json['created'] === true && listIn(json, 'images').length === 1;
        demand(isNew, `${user} to be new, with a picture`, ended);
        return textIn(json, 'fingerprint');
      }),
    );
    demand(new Set(fingerprints).size === USERS.length, 'different keys for each user');
    return {
      text: 'alice, bob, charlie and mallory registered, each with keys of their own',
      data: { users: USERS },
    };
  });

  await report.step('online', async () => {
    const present = USERS.filter((user) => user !== 'mallory');
    for (const user of present) stage.startPeer(user);
    const users = await stage.until('alice, bob and charlie online', async () => {
      const { json } = await succeeds(stage.run('alice', 'list-online'));
      const users = listIn(json, 'users');
      return users.length === present.length ? users : undefined;
    });
    for (const user of users) {
      const [image] = listIn(user, 'images');
      demand(image !== undefined, 'each user to offer a picture');
      demand((await readFile(textIn(image, 'previewFile'))).length > 0, 'a preview of each picture');
    }
    return {
      text: 'alice, bob and charlie are online (peers run); alice sees all three, with previews',
      data: { users: users.map((user) => user['username']) },
    };
  });
}

/** Alice asks bob; so does mallory, in vain. */
async function share(stage: Stage, report: Report): Promise<Received> {
  await report.step('request', async () => {
    const { json, ended } = await succeeds(
      stage.run('alice', 'request-image', 'bob', '0', '--message', 'The sunset, please?'),
    );
    demand(json['state'] === 'delivered', 'the request to reach bob', ended);
    return { text: 'alice asked bob for picture 0, straight from peer to peer' };
  });

  await report.step('deny', async () => {
    await succeeds(stage.run('mallory', 'request-image', 'bob', '0'));
    const { json, ended } = await succeeds(stage.run('bob', 'list-requests'));
    const from = listIn(json, 'requests').map((request) => request['from']);
    demand(from.join() === 'alice,mallory', 'requests of alice and mallory', ended);
    await succeeds(stage.run('bob', 'deny', 'mallory', '0'));
    return { text: 'bob sees requests by alice and by mallory, and denies the latter' };
  });

  return report.step('send', async () => {
    const { json, ended } = await succeeds(stage.run('bob', 'send-image', 'alice', '0', '--views', '2'));
    demand(json['state'] === 'delivered', 'delivery to alice', ended);
    const received = await newest(stage, textIn(json, 'grant'));
    const hidden = formatBytes(numberIn(json, 'originalBytes'));
    const size = `${numberIn(json, 'width')}x${numberIn(json, 'height')}`;
    return {
      text: `bob allowed 2 views: ${hidden} hidden in a generated ${size} picture of ${formatBytes(numberIn(json, 'carrierBytes'))}, delivered`,
      data: {
        grant: received.grant,
        originalBytes: json['originalBytes'],
        carrierBytes: json['carrierBytes'],
      },
      ...received,
    };
  });
}

/** Two openings with the leader's death between them, then every way to a third. */
async function open(stage: Stage, report: Report, carrier: Received, output: string): Promise<void> {
  const original = photo(PHOTOS.bob);
  const kept = join(stage.folder, 'kept-aside.png');
  await copyFile(carrier.file, kept);
  await exhibitGenerated(output, carrier.file);

  await report.step('inspect', async () => {
    const { json, ended } = await succeeds(stage.run('alice', 'inspect', carrier.file));
    const says = json['owner'] === 'bob' && json['allowed'] === 'alice' && json['viewsRemaining'] === 2;
    demand(says, 'a label saying bob, alice, 2 views', ended);
    return { text: "alice read the carrier's label: from bob, for alice, 2 views; reading it spends none" };
  });

  await report.step('intruder', async () => {
    const stolen = join(stage.folder, 'stolen.png');
    await copyFile(carrier.file, stolen);
    const save = join(stage.folder, 'stolen.jpg');
    const said = await refused(stage.run('mallory', 'view-image', stolen, '--save', save), EXIT.notYours);
    isGone(save);
    return {
      text: "mallory copied alice's carrier and could not open it: not for mallory (exit 5)",
      data: { said },
    };
  });

  await report.step('open-1', () => openAndCompare(stage, carrier, 'bob', 1, 2, original));
  await loseLeader(stage, report, carrier);
  await report.step('open-2', async () => {
    const finding = await openAndCompare(stage, carrier, 'bob', 2, 2, original);
    isGone(carrier.file);
    return { ...finding, text: `${finding.text}; the carrier is gone` };
  });

  await report.step('open-3', async () => {
    const said = await refused(
      stage.run('alice', 'view-image', carrier.file, '--save', join(stage.folder, 'third.jpg')),
      EXIT.usedUp,
    );
    return { text: 'a third opening was refused: no views left (exit 6)', data: { said } };
  });

  await report.step('restored-copy', async () => {
    await copyFile(kept, carrier.file);
    const save = join(stage.folder, 'restored.jpg');
    const said = await refused(stage.run('alice', 'view-image', carrier.file, '--save', save), EXIT.usedUp);
    isGone(save);
    await rm(carrier.file);
    return {
      text: 'the copy kept aside before the first opening brought no view back (exit 6)',
      data: { said },
    };
  });
}

async function loseLeader(stage: Stage, report: Report, carrier: Received): Promise<void> {
  await report.step('failover', async () => {
    const { server: old } = await stage.leader();
    await old.process.kill();
    const { server, status } = await stage.leader([old]);
    const { json, ended } = await succeeds(stage.run('bob', 'grants', carrier.grant));
    demand(json['used'] === 1 && json['left'] === 1, '1 view used and 1 left', ended);
    return {
      text: `the leader was killed (SIGKILL); ${server.node} took over (term ${status.term}); still 1 of 2 views used`,
      data: { killed: old.node, leader: server.node, term: status.term },
    };
  });
}

/** Charlie hides his picture in one of his own. */
async function shareInCover(stage: Stage, report: Report, output: string): Promise<Received> {
  const cover = photo(COVER);
  const received = await report.step('own-cover', async () => {
    await succeeds(stage.run('alice', 'request-image', 'charlie', '0'));
    const { json, ended } = await succeeds(
      stage.run('charlie', 'send-image', 'alice', '0', '--views', '1', '--cover', cover),
    );
    demand(json['state'] === 'delivered' && json['profile'] === 'balanced', 'delivery in the cover', ended);
    const received = await newest(stage, textIn(json, 'grant'));
    const size = `${numberIn(json, 'width')}x${numberIn(json, 'height')}`;
    return {
      text: `charlie allowed 1 view: ${formatBytes(numberIn(json, 'originalBytes'))} hidden in a photograph (${basename(cover)}, used at ${size})`,
      data: {
        grant: received.grant,
        originalBytes: json['originalBytes'],
        carrierBytes: json['carrierBytes'],
      },
      ...received,
    };
  });

  await report.step('exhibits', async () => {
    const { changed, largest } = await exhibitPair(output, cover, received.file);
    const share = `${(changed * 100).toFixed(0)} % of its colour values changed, by at most ${largest} of 255`;
    return {
      text: `cover and carrier laid side by side: ${share}`,
      data: { changed, largest, folder: resolve(output) },
    };
  });
  return received;
}

async function extendAndRevoke(stage: Stage, report: Report, carrier: Received): Promise<void> {
  const original = photo(PHOTOS.charlie);
  await report.step('extend', async () => {
    const { json, ended } = await succeeds(
      stage.run('charlie', 'extend', carrier.grant.slice(0, 8), '--more', '2'),
    );
    demand(json['views'] === 3 && json['left'] === 3, '3 views', ended);
    return { text: 'charlie extended it from 1 view to 3, without sending anything again' };
  });
  await report.step('open-extended-1', () => openAndCompare(stage, carrier, 'charlie', 1, 3, original));
  await report.step('open-extended-2', () => openAndCompare(stage, carrier, 'charlie', 2, 3, original));

  await report.step('revoke', async () => {
    await succeeds(stage.run('charlie', 'revoke', carrier.grant.slice(0, 8)));
    const save = join(stage.folder, 'revoked.jpg');
    const said = await refused(stage.run('alice', 'view-image', carrier.file, '--save', save), EXIT.revoked);
    isGone(save);
    return {
      text: 'charlie revoked it with 1 view left; alice could not open it any more (exit 7)',
      data: { said },
    };
  });
}

async function openAndCompare(
  stage: Stage,
  carrier: Received,
  owner: User,
  n: number,
  views: number,
  original: string,
): Promise<{ text: string; data: Record<string, unknown> }> {
  const save = join(stage.folder, `${owner}-${n}.jpg`);
  const { json, ended } = await succeeds(stage.run('alice', 'view-image', carrier.file, '--save', save));
  demand(json['n'] === n && json['left'] === views - n, `view ${n} of ${views}`, ended);
  const bytes = await sameBytes(save, original);
  return {
    text: `alice opened ${owner}'s picture: view ${n} of ${views}, ${formatBytes(bytes)}, byte for byte the original`,
    data: { n, views, bytes },
  };
}

/** Where alice's carrier of this grant lies. */
async function newest(stage: Stage, grant: string): Promise<Received> {
  const { json, ended } = await succeeds(stage.run('alice', 'list-received-images'));
  const image = listIn(json, 'images').find((candidate) => candidate['grant'] === grant);
  demand(image !== undefined, `a carrier of grant ${grant}`, ended);
  return { file: textIn(image, 'file'), grant };
}
