import { readElectionConfig } from '@cloud-steg/election';
import { AppError } from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerDialer, checkListener, introduce } from '../src/handshake.ts';
import { checkProof, type LinkEnd, linkKey, proofOf } from '../src/link-proof.ts';
import { SECRET } from './cluster.ts';

const key = linkKey(SECRET);
const keying = new Uint8Array(32).fill(1);
const dialerConfig = readElectionConfig({ this_node: '127.0.0.1:5001', peers: ['127.0.0.1:5002'] });
const listenerConfig = readElectionConfig({ this_node: '127.0.0.1:5002', peers: ['127.0.0.1:5001'] });
const [dialer, listener] = [dialerConfig.thisNode, listenerConfig.thisNode];
const end: LinkEnd = { role: 'dialer', own: dialer, other: listener, config: dialerConfig.hash, keying };

describe('a proof', () => {
  it('holds for its role, its members, its configuration, its channel and its secret only', () => {
    const proof = proofOf(key, end);
    expect(() => checkProof(key, end, proof)).not.toThrow();
    const others: [Uint8Array, LinkEnd][] = [
      [key, { ...end, role: 'listener' }],
      [key, { ...end, own: listener, other: dialer }],
      [key, { ...end, role: 'listener', own: listener, other: dialer }],
      [key, { ...end, own: '127.0.0.1:5003' }],
      [key, { ...end, other: '127.0.0.1:5003' }],
      [key, { ...end, config: 'another' }],
      [key, { ...end, keying: new Uint8Array(32) }],
      [linkKey(new Uint8Array(32)), end],
    ];
    for (const [otherKey, other] of others) {
      expect(() => checkProof(otherKey, other, proof)).toThrow(
        expect.objectContaining({ code: 'auth/bad-signature' }),
      );
    }
  });

  it('cannot be had of a secret or of keying material of another length', () => {
    expect(() => linkKey(new Uint8Array(0))).toThrow('cluster secret of 0 bytes');
    expect(() => proofOf(key, { ...end, keying: new Uint8Array(0) })).toThrow('keying material of 0 bytes');
  });
});

describe('a handshake', () => {
  it('is what docs/wire.md says it is', () => {
    const hello = introduce({ config: dialerConfig, key }, listener, keying);
    expect(hello).toBe(
      '{"v":2,"from":"127.0.0.1:5001","to":"127.0.0.1:5002","config":"7014644367dbf65e","proof":"FM5YTBkc0frbjNwy2e0cflx3rbrBErt-Cr4wiTQTWr8"}',
    );
    const { from, config, answer } = answerDialer({ config: listenerConfig, key }, keying, hello);
    expect([from, config]).toEqual([dialer, dialerConfig.hash]);
    expect(answer).toBe(
      '{"config":"7014644367dbf65e","proof":"nrxSxQdOGlXgaoqmqh7lwJ8c5r7GoZrwuoMtmjquhnQ"}',
    );
    expect(() => checkListener({ config: dialerConfig, key }, listener, keying, answer)).not.toThrow();
  });

  it('answers a dialer of another configuration that knows the secret, and both can name it', () => {
    const other = readElectionConfig({
      this_node: dialer,
      peers: [listener, '127.0.0.1:5009'],
    });
    const hello = introduce({ config: other, key }, listener, keying);
    const { config, answer } = answerDialer({ config: listenerConfig, key }, keying, hello);
    expect(config).toBe(other.hash);
    expect(() => checkListener({ config: other, key }, listener, keying, answer)).toThrow(
      `${listener} runs with configuration ${listenerConfig.hash}, this node with ${other.hash}`,
    );
  });

  it('does not answer a dialer that changed its configuration’s hash after the proof', () => {
    const hello = introduce({ config: dialerConfig, key }, listener, keying);
    const forged = hello.replace(dialerConfig.hash, 'f'.repeat(dialerConfig.hash.length));
    expect(() => answerDialer({ config: listenerConfig, key }, keying, forged)).toThrow('did not prove');
  });

  it('is refused with a code, whatever the dialer’s line holds', () => {
    const claim = fc.record(
      {
        v: fc.constant(2),
        from: fc.constantFrom(dialer, listener),
        to: fc.constant(listener),
        config: fc.string(),
        proof: fc.oneof(fc.string(), fc.constant('A'.repeat(43))),
      },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      claim.map((value) => JSON.stringify(value)),
    );
    const property = fc.property(line, (text) => {
      try {
        answerDialer({ config: listenerConfig, key }, keying, text);
        return false;
      } catch (error) {
        return error instanceof AppError && error.code !== 'program/bug';
      }
    });
    expect(() => fc.assert(property)).not.toThrow();
  });
});
