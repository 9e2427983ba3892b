import { MOTIONS, STILL } from './orb-motion.js';
import { drawPattern } from './orb-patterns.js';

/** @import { State } from '../realtime/state.js' */
/** @import { Motion } from './orb-motion.js' */

const FLASH_MS = 120;
/** How fast the look follows a new state, and the level the sound: share of the way, a second. */
const EASE_PER_S = 6;
const ATTACK_PER_S = 30;
const RELEASE_PER_S = 7;
const EDGE_POINTS = 96;
const MAX_PIXEL_RATIO = 2;
/** Opacity by distance from the middle. @type {readonly [number, number][]} */
const FALL_OFF = [
  [0, 1],
  [0.25, 0.82],
  [0.5, 0.42],
  [0.75, 0.12],
  [1, 0],
];
const WHITE = '#ffffff';
const VOICE_COLOURS = /** @type {const} */ (['deep', 'main', 'warm', 'light']);

/** The orb: shows the state by pattern and motion, and the sound by its edge. A still image where motion is not wanted. */
export class Orb {
  /** @type {State} */ #state = 'idle';
  /** @type {Motion} */ #motion = { ...MOTIONS.idle };
  #level = 0;
  #turns = 0;
  #flashUntil = 0;
  #lineColour = '';
  /** @type {string[]} */ #voice = [];
  #lastDrawn = 0;
  #isScheduled = false;
  #reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #canvas;
  #context;
  #levelNow;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(state: State) => number} levelNow 0..1, of the sound that belongs to the state
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

  /** The assistant was interrupted: a short flash. */
  flash() {
    this.#flashUntil = performance.now() + FLASH_MS;
    this.refresh();
  }

  /** Draw again: the colours, the size or the wish for motion may have changed. */
  refresh() {
    const style = getComputedStyle(this.#canvas);
    this.#lineColour = style.color;
    this.#voice = VOICE_COLOURS.map((name) => style.getPropertyValue(`--voice-${name}`));
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

  /** @param {number} now the browser calls this only while the page is seen */
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
   * Move the look towards the state's.
   * @param {number} seconds
   * @returns {boolean} whether it is there
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
    const half = this.#canvas.width / 2;
    const { size, colour, glow, wobble, pattern } = this.#motion;
    const radius = half * size * (1 + 0.05 * this.#level);
    const [deep = WHITE, main = WHITE, warm = WHITE, light = WHITE] = this.#voice;

    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.translate(half, half);
    context.filter = colour > 0.98 ? 'none' : `saturate(${colour.toFixed(2)})`;

    this.#fade(main, 0.5 * glow * (0.5 + 0.5 * this.#level), [0, 0, 0.3 * half, 0, 0, half], half);
    this.#edge(radius, wobble * this.#level, seconds);
    context.save();
    context.clip();
    const angle = this.#turns * 2 * Math.PI;
    this.#fill(1.2 * radius, [deep, main, warm], angle);
    this.#spot(1.2 * radius, deep, 0.7 * angle + 4.3, 0.6, 1);
    this.#spot(1.2 * radius, warm, -0.9 * angle + 2.2, 0.75, 1.1);
    this.#spot(1.2 * radius, light, 1.3 * angle + 0.4, 0.8, 1.1);
    this.#fade(
      WHITE,
      0.55,
      [-0.35 * radius, -0.5 * radius, 0, -0.35 * radius, -0.5 * radius, 0.9 * radius],
      1.2 * radius,
    );
    if (isFlashing) this.#fill(1.2 * radius, [WHITE, WHITE], 0);
    context.restore();

    context.filter = 'none';
    drawPattern(context, pattern, { radius, half, level: this.#level, seconds, colour: this.#lineColour });
  }

  /**
   * Outline the body: a circle with waves.
   * @param {number} radius
   * @param {number} depth of the radius
   * @param {number} seconds
   */
  #edge(radius, depth, seconds) {
    const context = this.#context;
    context.beginPath();
    for (let point = 0; point < EDGE_POINTS; point++) {
      const angle = (point / EDGE_POINTS) * 2 * Math.PI;
      const wave =
        Math.sin(3 * angle + 2.1 * seconds) +
        0.6 * Math.sin(5 * angle - 3.3 * seconds) +
        0.3 * Math.sin(8 * angle + 5 * seconds);
      const distance = radius * (1 + (depth * wave) / 1.9);
      context.lineTo(distance * Math.cos(angle), distance * Math.sin(angle));
    }
    context.closePath();
  }

  /**
   * @param {number} radius
   * @param {string[]} colours along the diagonal
   * @param {number} angle
   */
  #fill(radius, colours, angle) {
    const [x, y] = [Math.cos(angle + 0.8) * radius, Math.sin(angle + 0.8) * radius];
    const gradient = this.#context.createLinearGradient(-x, -y, x, y);
    colours.forEach((colour, index) => {
      gradient.addColorStop(index / (colours.length - 1), colour);
    });
    this.#context.fillStyle = gradient;
    this.#context.fillRect(-radius, -radius, 2 * radius, 2 * radius);
  }

  /**
   * A soft spot of colour inside the body.
   * @param {number} radius
   * @param {string} colour
   * @param {number} angle where
   * @param {number} distance from the middle, of the radius
   * @param {number} size of the radius
   */
  #spot(radius, colour, angle, distance, size) {
    const [x, y] = [Math.cos(angle) * distance * radius, Math.sin(angle) * distance * radius];
    this.#fade(colour, 1, [x, y, 0, x, y, size * radius], radius);
  }

  /**
   * Paint a colour that fades outwards.
   * @param {string} colour #rrggbb
   * @param {number} opacity in the middle
   * @param {[number, number, number, number, number, number]} circles as for createRadialGradient
   * @param {number} reach half the side of what is painted
   */
  #fade(colour, opacity, circles, reach) {
    const gradient = this.#context.createRadialGradient(...circles);
    // Falling off as a bell does: a straight slope shows its edge.
    for (const [stop, share] of FALL_OFF) gradient.addColorStop(stop, withOpacity(colour, opacity * share));
    this.#context.fillStyle = gradient;
    this.#context.fillRect(-reach, -reach, 2 * reach, 2 * reach);
  }
}

/**
 * @param {string} colour #rrggbb
 * @param {number} opacity 0..1
 */
function withOpacity(colour, opacity) {
  return (
    colour +
    Math.round(255 * Math.min(1, opacity))
      .toString(16)
      .padStart(2, '0')
  );
}
