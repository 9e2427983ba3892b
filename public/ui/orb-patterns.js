/** @import { Motion } from './orb-motion.js' */

/**
 * @typedef {object} Scene
 * @property {number} radius of the body, px
 * @property {number} half of the canvas, px
 * @property {number} level 0..1
 * @property {number} seconds
 * @property {string} colour of lines
 */

const TURN = 2 * Math.PI;
const RIPPLES = 3;
const DOTS = 3;

/**
 * Draw what surrounds the orb's body.
 * @param {CanvasRenderingContext2D} context with its origin in the middle of the orb
 * @param {Motion['pattern']} pattern
 * @param {Scene} scene
 */
export function drawPattern(context, pattern, scene) {
  context.save();
  context.strokeStyle = scene.colour;
  context.fillStyle = scene.colour;
  context.lineWidth = Math.max(1, scene.half * 0.012);
  context.lineCap = 'round';
  PATTERNS[pattern](context, scene);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} radius
 * @param {number} [from] radians
 * @param {number} [to]
 */
function arc(context, radius, from = 0, to = TURN) {
  context.beginPath();
  context.arc(0, 0, radius, from, to);
  context.stroke();
}

/** @type {Record<Motion['pattern'], (context: CanvasRenderingContext2D, scene: Scene) => void>} */
const PATTERNS = {
  none() {},

  ring(context, { radius, half, level, seconds }) {
    context.globalAlpha = 0.35 + 0.5 * level;
    arc(context, radius + half * (0.1 + 0.015 * Math.sin(2 * seconds) + 0.12 * level));
  },

  ripples(context, { radius, half, level, seconds }) {
    for (let ripple = 0; ripple < RIPPLES; ripple++) {
      const way = (seconds * 0.6 + ripple / RIPPLES) % 1;
      context.globalAlpha = (1 - way) * (0.25 + 0.75 * level);
      arc(context, radius + half * (0.04 + way * 0.34));
    }
  },

  sweep(context, { radius, half, seconds }) {
    const start = seconds * TURN * 0.9;
    context.globalAlpha = 0.18;
    arc(context, radius + half * 0.14);
    context.globalAlpha = 0.85;
    arc(context, radius + half * 0.14, start, start + TURN * 0.22);
  },

  dots(context, { radius, half, seconds }) {
    for (let dot = 0; dot < DOTS; dot++) {
      const angle = seconds * TURN * 0.35 + (dot / DOTS) * TURN;
      context.globalAlpha = 0.85;
      context.beginPath();
      context.arc(
        Math.cos(angle) * (radius + half * 0.17),
        Math.sin(angle) * (radius + half * 0.17),
        half * 0.03,
        0,
        TURN,
      );
      context.fill();
    }
  },

  dashes(context, { radius, half, seconds }) {
    context.globalAlpha = 0.6;
    context.setLineDash([half * 0.1, half * 0.09]);
    context.lineDashOffset = -seconds * half * 0.25;
    arc(context, radius + half * 0.14);
  },

  broken(context, { radius, half }) {
    context.globalAlpha = 0.6;
    for (const side of [0, Math.PI]) arc(context, radius + half * 0.14, side + 0.5, side + Math.PI - 0.5);
  },
};
