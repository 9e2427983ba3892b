import { drawBody } from './orb-body.js';
import { MOTIONS, STILL } from './orb-motion.js';
import { drawPattern } from './orb-patterns.js';

/** @import { State } from '../voice-chat/state.js' */
/** @import { VoiceColours } from './orb-body.js' */
/** @import { Motion } from './orb-motion.js' */

const FLASH_MS = 120;
/** How fast the look changes to that of a new state, and the level to that of the sound: share of the difference, per second. */
const EASE_PER_S = 6;
const ATTACK_PER_S = 30;
const RELEASE_PER_S = 7;
const MAX_PIXEL_RATIO = 2;

/** Show the state by a pattern and motion, and the sound by the orb's edge. Draw a still image when the user prefers reduced motion. */
export class Orb {
  /** @type {State} */ #state = 'idle';
  /** @type {Motion} */ #motion = { ...MOTIONS.idle };
  #level = 0;
  #turns = 0;
  #flashUntil = 0;
  #lineColour = '';
  /** @type {VoiceColours} */ #voice = { deep: '', main: '', warm: '', light: '' };
  #lastDrawn = 0;
  #isScheduled = false;
  #reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #canvas;
  #context;
  #levelNow;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(state: State) => number} levelNow 0..1, of the microphone or of the speaker, depending on the state
   */
  constructor(canvas, levelNow) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#levelNow = levelNow;
    for (const query of [this.#reducedMotion, matchMedia('(prefers-color-scheme: dark)')])
      query.addEventListener('change', () => this.refresh());
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  /** @param {State} state */
  show(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.refresh();
  }

  /** Flash briefly: the assistant was interrupted. */
  flash() {
    this.#flashUntil = performance.now() + FLASH_MS;
    this.refresh();
  }

  /** Draw again, since the colours, the size or the preference for motion may have changed. */
  refresh() {
    const style = getComputedStyle(this.#canvas);
    this.#lineColour = style.color;
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--voice-${name}`);
    this.#voice = {
      deep: colour('deep'),
      main: colour('main'),
      warm: colour('warm'),
      light: colour('light'),
    };
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#lastDrawn = performance.now();
    requestAnimationFrame((now) => this.#frame(now));
  }

  #resize() {
    const ratio = Math.min(devicePixelRatio, MAX_PIXEL_RATIO);
    this.#canvas.width = this.#canvas.clientWidth * ratio;
    this.#canvas.height = this.#canvas.clientHeight * ratio;
    this.refresh();
  }

  /** @param {number} now ms; browsers call this only while the page is visible */
  #frame(now) {
    this.#isScheduled = false;
    const isStill = this.#reducedMotion.matches;
    const seconds = isStill ? 1e3 : Math.min(0.1, Math.max(0, now - this.#lastDrawn) / 1000);
    this.#lastDrawn = now;
    const isSettled = this.#ease(seconds);
    this.#level = isStill ? 0 : this.#follow(this.#levelNow(this.#state), seconds);
    this.#turns = isStill ? 0 : this.#turns + this.#motion.swirl * seconds;
    this.#draw(isStill ? 0 : now / 1000, now < this.#flashUntil);
    const isResting = STILL.has(this.#state) && isSettled;
    if (now < this.#flashUntil || !(isStill || isResting)) this.#again();
  }

  #again() {
    this.#isScheduled = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  /**
   * Change the look towards that of the state.
   * @param {number} seconds since the last frame
   * @returns {boolean} whether it has got there
   */
  #ease(seconds) {
    const aim = MOTIONS[this.#state];
    const share = Math.min(1, EASE_PER_S * seconds);
    let distance = 0;
    for (const key of /** @type {const} */ (['size', 'colour', 'swirl', 'wobble', 'glow'])) {
      this.#motion[key] += (aim[key] - this.#motion[key]) * share;
      distance += Math.abs(aim[key] - this.#motion[key]);
    }
    this.#motion.pattern = aim.pattern;
    return distance < 0.01;
  }

  /**
   * @param {number} level
   * @param {number} seconds
   */
  #follow(level, seconds) {
    const rate = level > this.#level ? ATTACK_PER_S : RELEASE_PER_S;
    return this.#level + (level - this.#level) * Math.min(1, rate * seconds);
  }

  /**
   * @param {number} seconds
   * @param {boolean} isFlashing
   */
  #draw(seconds, isFlashing) {
    const context = this.#context;
    const level = this.#level;
    const half = this.#canvas.width / 2;
    const { size, colour, glow, wobble, pattern } = this.#motion;
    const radius = half * size * (1 + 0.05 * level);
    context.setTransform(1, 0, 0, 1, half, half);
    context.clearRect(-half, -half, 2 * half, 2 * half);
    context.filter = colour > 0.98 ? 'none' : `saturate(${colour.toFixed(2)})`;
    drawBody(context, this.#voice, {
      radius,
      half,
      glow: glow * (0.5 + 0.5 * level),
      depth: wobble * level,
      angle: this.#turns * 2 * Math.PI,
      seconds,
      isFlashing,
    });
    context.filter = 'none';
    drawPattern(context, pattern, { radius, half, level, seconds, colour: this.#lineColour });
  }
}
