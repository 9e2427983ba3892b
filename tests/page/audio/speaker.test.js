import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Speaker } from '../../../public/audio/speaker.js';
import { FakeContext, FakeWorkletNode } from './fakes.js';

beforeEach(() => {
  FakeWorkletNode.all = [];
  Object.assign(globalThis, { AudioWorkletNode: FakeWorkletNode });
});

const worklet = () => /** @type {FakeWorkletNode} */ (FakeWorkletNode.all.at(-1));

/** A speaker with a fake worklet, whose messages the test sends. */
async function setUp() {
  const reported = /** @type {any[][]} */ ([]);
  const speaker = new Speaker({
    onStarted: (...it) => reported.push(['started', ...it]),
    onPosition: (...it) => reported.push(['position', ...it]),
    onEnded: (...it) => reported.push(['ended', ...it]),
    onUnderrun: (...it) => reported.push(['underrun', ...it]),
  });
  const context = new FakeContext();
  context.state = 'running';
  await speaker.attach(/** @type {any} */ (context));
  return { speaker, context, reported };
}

/** Let the worklet confirm the last stop. */
function answerStop(/** @type {string | null} */ itemId, /** @type {number} */ played) {
  worklet().tell({ type: 'stopped', id: worklet().got('stop').at(-1).id, itemId, played });
}

const pcm = (/** @type {number} */ length) => new Int16Array(length).fill(1);

test('audio is posted to the worklet in order, as a copy', async () => {
  const { speaker } = await setUp();
  const mine = pcm(2400);
  speaker.play('a', mine);
  speaker.end('a');
  assert.deepEqual(worklet().port.sent, [
    { type: 'chunk', itemId: 'a', pcm: pcm(2400) },
    { type: 'end', itemId: 'a' },
  ]);
  assert.notEqual(worklet().port.sent[0].pcm, mine);
});

test('it reports the start, the position and the end of an item', async () => {
  const { speaker, reported } = await setUp();
  speaker.play('a', pcm(2400));
  speaker.end('a');
  assert.equal(speaker.playing, true);
  worklet().tell({ type: 'started', itemId: 'a' });
  worklet().tell({ type: 'position', itemId: 'a', played: 1200 });
  assert.equal(speaker.heardMs('a'), 40);
  worklet().tell({ type: 'underrun' });
  worklet().tell({ type: 'ended', itemId: 'a', played: 2400 });
  assert.deepEqual(reported, [
    ['started', 'a'],
    ['position', 'a', 40],
    ['underrun', 1],
    ['ended', 'a', 100],
  ]);
  assert.equal(speaker.playing, false);
  assert.equal(speaker.heardMs('a'), 100);
});

test('a stop returns how many whole milliseconds were heard, with the output’s latency subtracted', async () => {
  const { speaker, context } = await setUp();
  context.outputLatency = 0.04;
  context.baseLatency = 0.01;
  speaker.play('a', pcm(24_000));
  worklet().tell({ type: 'started', itemId: 'a' });
  const stopped = speaker.stop();
  assert.equal(speaker.playing, false);
  answerStop('a', 12_010);
  assert.deepEqual(await stopped, { itemId: 'a', playedMs: 460 });
  assert.equal(Math.floor(speaker.heardMs('a')), 460);
});

test('in a browser without output latency, the base latency is subtracted', async () => {
  const { speaker, context } = await setUp();
  Object.assign(context, { outputLatency: undefined, baseLatency: 0.01 });
  speaker.play('a', pcm(24_000));
  const stopped = speaker.stop();
  answerStop('a', 2400);
  assert.deepEqual(await stopped, { itemId: 'a', playedMs: 90 });
});

test('the output latency of Firefox, which can hang when it is read, is not read', async () => {
  const { speaker, context } = await setUp();
  context.baseLatency = 0;
  Object.defineProperty(context, 'outputLatency', {
    get() {
      throw new Error('asked');
    },
  });
  speaker.play('a', pcm(24_000));
  const stopped = speaker.stop();
  answerStop('a', 2400);
  assert.deepEqual(await stopped, { itemId: 'a', playedMs: 64 });
});

test('samples that have left the node less than the latency ago were not heard', async () => {
  const { speaker, context } = await setUp();
  context.outputLatency = 0.04;
  speaker.play('a', pcm(24_000));
  const stopped = speaker.stop();
  answerStop('a', 480);
  assert.deepEqual(await stopped, { itemId: null, playedMs: 0 });
});

test('late audio of a stopped item is not played, audio of a new item is', async () => {
  const { speaker } = await setUp();
  speaker.play('a', pcm(2400));
  speaker.play('b', pcm(2400));
  const stopped = speaker.stop();
  speaker.play('a', pcm(2400));
  answerStop('a', 1200);
  await stopped;
  speaker.play('a', pcm(2400));
  speaker.play('b', pcm(2400));
  speaker.end('b');
  speaker.play('c', pcm(2400));
  assert.deepEqual(
    worklet()
      .got('chunk')
      .map(({ itemId }) => itemId),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(worklet().got('end'), []);
});

test('a complete item that is still being played is stopped like any other', async () => {
  const { speaker } = await setUp();
  speaker.play('a', pcm(24_000));
  speaker.end('a');
  const stopped = speaker.stop();
  answerStop('a', 12_000);
  assert.deepEqual(await stopped, { itemId: 'a', playedMs: 490 });
});

test('a stop while nothing is played returns at once', async () => {
  const { speaker } = await setUp();
  const stopped = speaker.stop();
  answerStop(null, 0);
  assert.deepEqual(await stopped, { itemId: null, playedMs: 0 });
});

test('a stop while the clock stands still returns the last report', async () => {
  const { speaker, context } = await setUp();
  speaker.play('a', pcm(24_000));
  worklet().tell({ type: 'started', itemId: 'a' });
  worklet().tell({ type: 'position', itemId: 'a', played: 2400 });
  context.state = 'interrupted';
  assert.deepEqual(await speaker.stop(), { itemId: 'a', playedMs: 90 });
  assert.equal(worklet().got('stop').length, 1);
});

test('a stop that the worklet never confirms is settled when the next context is attached', async () => {
  const { speaker } = await setUp();
  speaker.play('a', pcm(24_000));
  worklet().tell({ type: 'started', itemId: 'a' });
  worklet().tell({ type: 'position', itemId: 'a', played: 2400 });
  const stopped = speaker.stop();
  await speaker.attach(/** @type {any} */ (new FakeContext()));
  assert.deepEqual(await stopped, { itemId: 'a', playedMs: 90 });
  assert.deepEqual(worklet().port.sent, []);
});

test('another context continues at the last report, and its counts are added', async () => {
  const { speaker, reported } = await setUp();
  speaker.play(
    'a',
    Int16Array.from({ length: 2400 }, (_, i) => i),
  );
  speaker.play('a', pcm(2400));
  speaker.end('a');
  speaker.play('b', pcm(240));
  worklet().tell({ type: 'started', itemId: 'a' });
  worklet().tell({ type: 'position', itemId: 'a', played: 1200 });
  const former = worklet();
  await speaker.attach(/** @type {any} */ (new FakeContext(16_000)));
  assert.deepEqual(former.got('close').length, 1);
  const [first, second, end, next] = worklet().port.sent;
  assert.deepEqual(
    first.pcm,
    Int16Array.from({ length: 1200 }, (_, i) => 1200 + i),
  );
  assert.deepEqual(second.pcm, pcm(2400));
  assert.deepEqual(end, { type: 'end', itemId: 'a' });
  assert.equal(next.itemId, 'b');
  worklet().tell({ type: 'started', itemId: 'a' });
  worklet().tell({ type: 'position', itemId: 'a', played: 1200 });
  assert.equal(speaker.heardMs('a'), 90);
  assert.equal(reported.filter(([what]) => what === 'started').length, 1);
});

test('audio that arrives before the first context is played when that is attached', async () => {
  const speaker = new Speaker(/** @type {any} */ ({}));
  speaker.play('a', pcm(10));
  speaker.end('a');
  await speaker.attach(/** @type {any} */ (new FakeContext()));
  assert.deepEqual(
    worklet().port.sent.map(({ type }) => type),
    ['chunk', 'end'],
  );
});

test('no more than fifteen minutes of audio are queued', async () => {
  const { speaker } = await setUp();
  const minute = pcm(60 * 24_000);
  for (let i = 0; i < 20; i++) speaker.play('a', minute);
  assert.equal(worklet().got('chunk').length, 15);
  worklet().tell({ type: 'position', itemId: 'a', played: minute.length });
  speaker.play('a', minute);
  assert.equal(worklet().got('chunk').length, 16);
});

test('muting sets the gain between the worklet and the output to 0', async () => {
  const { speaker, context } = await setUp();
  const gain = worklet().outputs[0];
  assert.ok(gain.outputs.includes(context.destination));
  assert.ok(gain.outputs.includes(speaker.analyser));
  assert.equal(gain.gain.value, 1);
  speaker.muted = true;
  assert.equal(gain.gain.value, 0);
  speaker.muted = false;
  assert.equal(gain.gain.value, 1);
});
