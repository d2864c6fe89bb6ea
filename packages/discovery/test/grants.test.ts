import { fromBase64url, openShare, unwrapShare } from '@cloud-steg/envelope';
import {
  CloseViewAnswer,
  FiledRequest,
  GRANTS_HELD_PER_PAIR_MAX,
  GrantEventPage,
  GrantPage,
  GrantView,
  OpenViewAnswer,
  Problem,
  QUOTA_RETRY_AFTER_SECONDS,
  RequestPage,
  type Term,
} from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  amendBody,
  BOB,
  CAROL,
  GRANT,
  grantBody,
  IMAGE,
  id,
  outcomeOf,
  requestBody,
  Server,
  SHARE,
  viewKey,
} from './fixtures.ts';

describe('requests', () => {
  it('are left for an owner, listed by him, and denied', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    await server.register(BOB);
    const filed = await server.call(FiledRequest, 'POST', '/requests', {
      as: BOB,
      body: requestBody(1, BOB, ALICE),
    });
    expect(filed.state).toBe('pending');
    const page = await server.call(RequestPage, 'GET', '/requests?limit=5', { as: ALICE });
    expect(page.requests).toEqual([filed]);
    expect((await server.call(RequestPage, 'GET', '/requests', { as: BOB })).requests).toEqual([]);

    const body = { state: 'denied' };
    const byBob = { as: BOB, body };
    expect(await server.outcome('PATCH', `/requests/${id(1)}`, byBob)).toBe('404 request/unknown');
    const denied = await server.call(FiledRequest, 'PATCH', `/requests/${id(1)}`, { as: ALICE, body });
    expect(denied.state).toBe('denied');
  });

  it('are their author’s own', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    await server.register(BOB);
    await server.register(CAROL);
    const body = requestBody(1, BOB, ALICE);
    expect(await server.outcome('POST', '/requests', { as: CAROL, body })).toBe('401 auth/bad-signature');
    const inBobsName = requestBody(1, CAROL, ALICE, { from: BOB.username });
    expect(await server.outcome('POST', '/requests', { as: CAROL, body: inBobsName })).toBe(
      '403 auth/forbidden',
    );
  });

  it('are approved by the grant that names them', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    await server.register(BOB);
    await server.send('POST', '/requests', { as: BOB, body: requestBody(1, BOB, ALICE) });
    await server.withGrant({ requestId: id(1) });
    const { requests } = await server.call(RequestPage, 'GET', '/requests', { as: ALICE });
    expect(requests).toMatchObject([{ state: 'approved', grant: GRANT }]);
  });
});

describe('grants', () => {
  it('are made by their owner, and seen by owner and recipient', async () => {
    const server = await Server.create();
    const made = await server.withGrant();
    expect(GrantView.parse(made)).toMatchObject({ used: 0, left: 3, phase: 'active' });
    for (const as of [ALICE, BOB]) {
      expect(await server.call(GrantView, 'GET', `/grants/${GRANT}`, { as })).toEqual(made);
    }
    const given = await server.call(GrantPage, 'GET', '/grants', { as: ALICE });
    const received = await server.call(GrantPage, 'GET', '/grants?role=recipient', { as: BOB });
    expect(given.grants).toEqual([made]);
    expect(received.grants).toEqual([made]);

    await server.register(CAROL);
    expect(await server.outcome('GET', `/grants/${GRANT}`, { as: CAROL })).toBe('403 auth/forbidden');
    expect(await server.outcome('GET', `/grants/${id(4)}`, { as: ALICE })).toBe('404 grant/unknown');
    expect(await server.outcome('GET', `/grants/${GRANT}`)).toBe('401 auth/unsigned');
  });

  it('can be invented neither by another user nor by the recipient', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    await server.register(BOB);
    const stolen = { as: BOB, body: await grantBody() };
    expect(await server.outcome('POST', '/grants', stolen)).toBe('401 auth/bad-signature');
    const forged = { as: BOB, body: await grantBody({}, BOB) };
    expect(await server.outcome('POST', '/grants', forged)).toBe('403 auth/forbidden');
  });

  it('are amended by their owner alone, in order', async () => {
    const server = await Server.create();
    const grant = await server.withGrant();
    const path = `/grants/${GRANT}`;
    const more = amendBody(grant, { views: 5 });
    expect(await server.outcome('PATCH', path, { as: BOB, body: more })).toBe('403 auth/forbidden');
    const forged = { as: ALICE, body: amendBody(grant, { views: 99 }, BOB) };
    expect(await server.outcome('PATCH', path, forged)).toBe('401 auth/bad-signature');
    const amended = await server.call(GrantView, 'PATCH', path, { as: ALICE, body: more });
    expect(amended).toMatchObject({ views: 5, left: 5 });
    expect(amended.log).toHaveLength(2);
    const fork = { as: ALICE, body: amendBody(grant, { views: 6 }) };
    expect(await server.outcome('PATCH', path, fork)).toBe('409 grant/out-of-order');
    const revoked = await server.call(GrantView, 'PATCH', path, {
      as: ALICE,
      body: amendBody(amended, { revoked: true }),
    });
    expect(revoked.phase).toBe('revoked');
    const late = { as: ALICE, body: amendBody(revoked, { revoked: false }) };
    expect(await server.outcome('PATCH', path, late)).toBe('409 grant/ended');
    expect(await outcomeOf(await server.open(1))).toBe('410 grant/revoked');
  });

  it('take no amendment that was made for another', async () => {
    const server = await Server.create();
    const grant = await server.withGrant();
    const body = await grantBody({ grant: id(9) });
    await server.send('POST', '/grants', { as: ALICE, body });
    const misdirected = { as: ALICE, body: amendBody(grant, { views: 5 }) };
    expect(await server.outcome('PATCH', `/grants/${id(9)}`, misdirected)).toBe('400 input/invalid');
  });
});

describe('a user’s grants', () => {
  it('are no more at a time to one recipient than are allowed, and the refusal says what to do', async () => {
    const server = await Server.create();
    const first = await server.withGrant();
    const another = async (n: number) =>
      server.send('POST', '/grants', { as: ALICE, body: await grantBody({ grant: id(n) }) });
    for (let n = 1; n < GRANTS_HELD_PER_PAIR_MAX; n++) expect((await another(n)).status).toBe(200);
    const refused = await another(GRANTS_HELD_PER_PAIR_MAX);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBe(QUOTA_RETRY_AFTER_SECONDS);
    expect(Problem.parse(await refused.json())).toMatchObject({
      code: 'rate/limited',
      detail: expect.stringContaining(`${GRANTS_HELD_PER_PAIR_MAX} grants to bob`),
      hint: expect.stringContaining('revoke'),
    });
    await server.send('PATCH', `/grants/${GRANT}`, { as: ALICE, body: amendBody(first, { revoked: true }) });
    expect((await another(GRANTS_HELD_PER_PAIR_MAX)).status).toBe(200);
  });
});

describe('the sweep', () => {
  it('erases past a damaged grant, and complains of it once', async () => {
    const server = await Server.create();
    await server.withGrant({ expiresAt: server.time + 1000 });
    const damaged = await grantBody({ grant: id(9), expiresAt: server.time + 500 });
    await server.send('POST', '/grants', { as: ALICE, body: damaged });
    const key = `g/alice/${id(9)}`;
    await server.store.commit({ term: 1 as Term, expect: [], ops: [{ put: key, value: new Uint8Array(2) }] });
    server.time += 1000;
    for (let i = 0; i < 3; i++) await server.app.tick();
    expect(await server.store.get(`s/${GRANT}`)).toBeUndefined();
    const complaints = server.log.filter(({ level }) => level === 'error');
    expect(complaints).toMatchObject([
      { event: 'sweep-failed', fields: { grant: id(9), error: { code: 'store/damaged' } } },
    ]);
  });
});

describe('views', () => {
  it('release the share, wrapped to the view’s own key, to the recipient', async () => {
    const server = await Server.create();
    await server.withGrant();
    const response = await server.open(1);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { n, wrappedShare, grant } = OpenViewAnswer.parse(await response.json());
    expect(grant).toMatchObject({ used: 1, left: 2 });
    const ticket = { grant: GRANT, viewId: id(1), n };
    const sealed = await unwrapShare(viewKey(1), ticket, fromBase64url(wrappedShare));
    expect(await openShare(BOB.identity.agreement, GRANT, sealed)).toEqual(SHARE);
    await expect(unwrapShare(viewKey(2), ticket, fromBase64url(wrappedShare))).rejects.toMatchObject({
      code: 'envelope/no-matching-key',
    });
  });

  it('cost one each, however often their call is repeated', async () => {
    const server = await Server.create();
    await server.withGrant();
    const answers = await Promise.all([1, 1, 1, 2].map((n) => server.open(n)));
    const numbers = await Promise.all(
      answers.map(async (answer) => OpenViewAnswer.parse(await answer.json()).n),
    );
    expect(numbers).toEqual([1, 1, 1, 2]);
    expect((await server.grant()).used).toBe(2);
  });

  it('are spent by nobody but the recipient', async () => {
    const server = await Server.create();
    await server.withGrant();
    await server.register(CAROL);
    const body = { viewId: id(1), key: viewKey(1).publicKey };
    const path = `/grants/${GRANT}/views`;
    expect(await outcomeOf(await server.open(1, CAROL))).toBe('403 auth/forbidden');
    expect(await outcomeOf(await server.open(1, ALICE))).toBe('403 auth/forbidden');
    expect(await server.outcome('POST', path, { body })).toBe('401 auth/unsigned');
    const withCarolsKey = { as: BOB, key: CAROL.identity.signing, body };
    expect(await server.outcome('POST', path, withCarolsKey)).toBe('401 auth/bad-signature');
    expect(await server.outcome('GET', path, { as: BOB })).toBe('405 input/wrong-method');
    expect((await server.grant()).used).toBe(0);
  });

  it('are not spent on a key that nothing can be sealed to', async () => {
    const server = await Server.create();
    await server.withGrant();
    // Points of low order: whatever is multiplied with them, the shared secret is all zero (RFC 7748, section 6.1).
    const lowOrder = [
      '0'.repeat(64),
      `01${'0'.repeat(62)}`,
      `ec${'f'.repeat(60)}7f`,
      `ed${'f'.repeat(60)}7f`,
    ];
    for (const point of lowOrder) {
      const body = { viewId: id(1), key: Buffer.from(point, 'hex').toString('base64url') };
      expect(await server.outcome('POST', `/grants/${GRANT}/views`, { as: BOB, body })).toBe(
        '400 input/invalid',
      );
    }
    expect((await server.grant()).used).toBe(0);
    expect((await server.open(1)).status).toBe(200);
  });

  it('run out', async () => {
    const server = await Server.create();
    await server.withGrant({ views: 1, expiresAt: server.time + 5000 });
    expect((await server.open(1)).status).toBe(200);
    expect(await outcomeOf(await server.open(2))).toBe('410 grant/exhausted');
    server.time += 5000;
    expect(await outcomeOf(await server.open(2))).toBe('410 grant/expired');
  });

  it('are closed with a receipt that the owner gets', async () => {
    const server = await Server.create();
    await server.withGrant({ views: 1 });
    await server.open(1);
    const path = `/grants/${GRANT}/views/${id(1)}/close`;
    const body = server.closeBody(1, 1);
    const { grant } = await server.call(CloseViewAnswer, 'POST', path, { as: BOB, body });
    expect(grant.phase).toBe('exhausted');
    expect(await server.outcome('POST', path, { as: BOB, body })).toBe('200');
    const again = server.closeBody(1, 1, 'b'.repeat(32));
    expect(await server.outcome('POST', path, { as: BOB, body: again })).toBe('409 view/closed');
    expect(await outcomeOf(await server.open(1))).toBe('409 view/closed');

    const eventsPath = `/grants/${GRANT}/events`;
    const page = await server.call(GrantEventPage, 'GET', eventsPath, { as: ALICE });
    expect(page.events.map(({ kind }) => kind)).toEqual(['created', 'opened', 'closed', 'share-erased']);
    expect(page.events[2]?.receipt).toEqual(body.receipt);
    await server.register(CAROL);
    expect(await server.outcome('GET', eventsPath, { as: CAROL })).toBe('403 auth/forbidden');
  });

  it('are closed by the viewer’s own signature', async () => {
    const server = await Server.create();
    await server.withGrant();
    await server.open(1);
    const path = `/grants/${GRANT}/views/${id(1)}/close`;
    const body = server.closeBody(1, 1, 'a'.repeat(32), CAROL);
    expect(await server.outcome('POST', path, { as: BOB, body })).toBe('401 auth/bad-signature');
  });

  it('never show the share anywhere but in a view’s answer', async () => {
    const server = await Server.create();
    const { sealedShare } = await grantBody();
    await server.withGrant();
    await server.open(1);
    const texts = await Promise.all(
      [`/grants/${GRANT}`, '/grants', `/grants/${GRANT}/events`].map(async (path) =>
        (await server.send('GET', path, { as: ALICE })).text(),
      ),
    );
    expect(texts.join(' ')).not.toContain(sealedShare);
    expect(JSON.stringify(server.log)).not.toContain(sealedShare);
  });
});
