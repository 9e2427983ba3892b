/** @import { State } from '../voice-chat/state.js' */

/**
 * How the orb looks and moves in a state. The states differ by shape and motion, not by colour alone.
 * @typedef {object} Motion
 * @property {number} size radius of the body, as a share of half the canvas
 * @property {number} colour saturation, from 0 (grey) to 1
 * @property {number} swirl turns per second of the colours inside
 * @property {number} wobble depth of the waves on the edge at full level, as a share of the radius
 * @property {number} glow strength of the halo, 0..1
 * @property {'none' | 'ring' | 'ripples' | 'sweep' | 'dots' | 'dashes' | 'broken'} pattern drawn around the body
 */

/** @type {Record<State, Motion>} */
export const MOTIONS = {
  idle: { size: 0.6, colour: 1, swirl: 0.02, wobble: 0, glow: 0.5, pattern: 'none' },
  connecting: { size: 0.56, colour: 0.75, swirl: 0.12, wobble: 0, glow: 0.4, pattern: 'sweep' },
  connected: { size: 0.6, colour: 1, swirl: 0.04, wobble: 0, glow: 0.6, pattern: 'none' },
  'requesting-mic': { size: 0.56, colour: 0.85, swirl: 0.05, wobble: 0, glow: 0.4, pattern: 'dashes' },
  listening: { size: 0.6, colour: 1, swirl: 0.05, wobble: 0.04, glow: 0.6, pattern: 'ring' },
  'hearing-you': { size: 0.56, colour: 1, swirl: 0.08, wobble: 0.06, glow: 0.7, pattern: 'ripples' },
  thinking: { size: 0.5, colour: 0.95, swirl: 0.35, wobble: 0.02, glow: 0.5, pattern: 'dots' },
  speaking: { size: 0.62, colour: 1, swirl: 0.14, wobble: 0.13, glow: 1, pattern: 'none' },
  reconnecting: { size: 0.52, colour: 0.35, swirl: 0.03, wobble: 0, glow: 0.2, pattern: 'dashes' },
  ended: { size: 0.54, colour: 0.35, swirl: 0, wobble: 0, glow: 0.15, pattern: 'none' },
  error: { size: 0.52, colour: 0.12, swirl: 0, wobble: 0, glow: 0.1, pattern: 'broken' },
};

/** States in which nothing moves, so that the orb is drawn only once. @type {ReadonlySet<State>} */
export const STILL = new Set(['idle', 'ended', 'error']);
