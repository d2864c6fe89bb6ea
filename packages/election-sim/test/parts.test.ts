import { describe, expect, it } from 'vitest';
import { Alarm } from '../src/alarm.ts';
import { DriftingClock } from '../src/drifting-clock.ts';
import { Network, type Receiver } from '../src/network.ts';
import { Random } from '../src/random.ts';
import { SimulatedDisk } from '../src/simulated-disk.ts';
import { Thread } from '../src/thread.ts';
import { Timeline } from '../src/timeline.ts';

const state = (term: number) => ({ term, votedFor: null, recovering: false });

describe('a clock', () => {
  it('runs at its own rate from its own start, and never jumps when the rate changes', () => {
    const clock = new DriftingClock();
    clock.start(100, 5000, 1.01);
    expect(clock.read(200)).toBeCloseTo(5101);
    clock.changeRate(200, 0.99);
    expect(clock.read(200)).toBeCloseTo(5101);
    expect(clock.read(300)).toBeCloseTo(5200);
    expect(clock.trueTimeOf(5200)).toBeCloseTo(300);
  });
});

describe('a disk', () => {
  it('holds what was written once the write is done', () => {
    const disk = new SimulatedDisk();
    disk.write(0, state(1), 5);
    disk.crash(5, false);
    expect(disk.state).toEqual(state(1));
  });

  it('holds the old state or the new one after a crash in the middle of a write', () => {
    for (const keepNew of [false, true]) {
      const disk = new SimulatedDisk();
      disk.write(0, state(1), 5);
      disk.write(10, state(2), 5);
      disk.crash(12, keepNew);
      expect(disk.state).toEqual(state(keepNew ? 2 : 1));
    }
  });

  it('holds nothing once it is lost', () => {
    const disk = new SimulatedDisk();
    disk.write(0, state(1), 5);
    disk.wipe();
    expect(disk.state).toBeUndefined();
  });
});

describe('a thread', () => {
  const setUp = () => {
    const timeline = new Timeline();
    const thread = new Thread(timeline);
    const done: string[] = [];
    return { timeline, thread, done, note: (what: string) => () => done.push(what) };
  };

  it('does what it is given at once, or in order once it is free', () => {
    const { timeline, thread, done, note } = setUp();
    thread.do(note('first'));
    thread.pause(10);
    thread.do(note('second'));
    thread.do(note('third'));
    expect(done).toEqual(['first']);
    timeline.pass(10);
    expect(done).toEqual(['first', 'second', 'third']);
  });

  it('finishes what it was blocked by before anything else', () => {
    const { timeline, thread, done, note } = setUp();
    thread.block(5, note('written'));
    thread.do(note('read'));
    timeline.pass(5);
    expect(done).toEqual(['written', 'read']);
  });

  it('that is paused while it is blocked does nothing before both are over', () => {
    const { timeline, thread, done, note } = setUp();
    thread.block(5, note('written'));
    thread.pause(20);
    timeline.pass(19);
    expect(done).toEqual([]);
    timeline.pass(1);
    expect(done).toEqual(['written']);
  });

  it('goes on early when it is resumed, but for what blocks it', () => {
    const { timeline, thread, done, note } = setUp();
    thread.pause(20);
    thread.do(note('read'));
    thread.resume();
    expect(done).toEqual(['read']);
    thread.block(5, note('written'));
    thread.resume();
    expect(done).toEqual(['read']);
    timeline.pass(5);
    expect(done).toEqual(['read', 'written']);
  });

  it('does nothing after its end', () => {
    const { timeline, thread, done, note } = setUp();
    thread.block(5, note('written'));
    thread.do(note('read'));
    thread.end();
    thread.do(note('late'));
    timeline.pass(5);
    expect(done).toEqual([]);
  });
});

describe('an alarm', () => {
  it('rings once, at the earliest time it was set to', () => {
    const timeline = new Timeline();
    const rung: number[] = [];
    const alarm = new Alarm(timeline, () => rung.push(Math.round(timeline.now)));
    alarm.set(10);
    alarm.set(5);
    alarm.set(20);
    timeline.pass(30);
    expect(rung).toEqual([5]);
  });

  it('is silent once it is cleared', () => {
    const timeline = new Timeline();
    const alarm = new Alarm(timeline, () => expect.unreachable());
    alarm.set(10);
    alarm.clear();
    timeline.pass(30);
    expect(timeline.now).toBe(30);
  });
});

describe('the network', () => {
  const setUp = () => {
    const timeline = new Timeline();
    const heard: string[] = [];
    const receivers = [0, 1, 2].map(
      (index): Receiver => ({ receive: (from) => heard.push(`${from} to ${index}`) }),
    );
    const network = new Network(timeline, new Random(1, 'network'), receivers);
    const say = (from: number, to: number, times = 1) => {
      heard.length = 0;
      for (let time = 0; time < times; time++) network.send(from, to, { kind: 'Nominate', term: 1 });
      timeline.pass(1000);
      return heard;
    };
    return { network, say };
  };

  it('carries messages', () => {
    expect(setUp().say(0, 1)).toEqual(['0 to 1']);
  });

  it('keeps a way closed until all cuts through it are undone', () => {
    const { network, say } = setUp();
    const undoOne = network.cut((from) => from !== 0);
    const undoOther = network.cut((from, to) => from !== 0 || to !== 1);
    expect(say(0, 1)).toEqual([]);
    expect(say(1, 0)).toEqual(['1 to 0']);
    undoOne();
    undoOne();
    expect(say(0, 1)).toEqual([]);
    expect(say(0, 2)).toEqual(['0 to 2']);
    undoOther();
    expect(say(0, 1)).toEqual(['0 to 1']);
  });

  it('heals for good: a cut that ends later opens nothing twice', () => {
    const { network, say } = setUp();
    const undo = network.cut(() => false);
    network.heal();
    expect(say(0, 1)).toEqual(['0 to 1']);
    undo();
    network.cut((from) => from !== 0);
    expect(say(0, 1)).toEqual([]);
  });

  it('loses, doubles and delays the share that it is told to', () => {
    const { network, say } = setUp();
    network.lossShare = 0.5;
    const arrived = say(0, 1, 1000).length;
    expect(arrived + network.lost).toBe(1000);
    expect(network.lost).toBeGreaterThan(400);
    network.lossShare = 0;
    network.doubleShare = 0.5;
    expect(say(0, 1, 1000).length).toBe(1000 + network.doubled);
    expect(network.doubled).toBeGreaterThan(400);
    network.doubleShare = 0;
    network.lateShare = 0.5;
    network.lateMsMax = 100_000;
    expect(say(0, 1, 1000).length).toBeLessThan(1000);
    expect(network.late).toBeGreaterThan(400);
  });
});
