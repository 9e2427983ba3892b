/** @typedef {{ deep: string, main: string, warm: string, light: string }} VoiceColours each #rrggbb */

/**
 * @typedef {object} Body
 * @property {number} radius px
 * @property {number} half of the canvas, px
 * @property {number} glow strength of the halo, 0..1
 * @property {number} depth of the waves on the edge, as a share of the radius
 * @property {number} angle of the colours inside
 * @property {number} seconds moves the waves
 * @property {boolean} isFlashing
 */

const EDGE_POINTS = 96;
const WHITE = '#ffffff';
const BLACK = '#000000';
/** The colours fill a little more than the circle, since the waves reach beyond it. */
const SPREAD = 1.2;
/** Opacity by distance from the middle, falling like a bell curve: the edge of a linear gradient would be visible. @type {readonly [number, number][]} */
const FALL_OFF = [
  [0, 1],
  [0.25, 0.82],
  [0.5, 0.42],
  [0.75, 0.12],
  [1, 0],
];

/**
 * Draw the orb's halo and body.
 * @param {CanvasRenderingContext2D} context with its origin in the middle of the orb
 * @param {VoiceColours} colours
 * @param {Body} body
 */
export function drawBody(context, { deep, main, warm, light: pale }, body) {
  const { radius, half, glow, depth, angle, seconds, isFlashing } = body;
  const reach = SPREAD * radius;
  fade(context, withOpacity(main, 0.5 * glow), { x: 0, y: 0, inner: 0.3 * half, outer: half });
  outline(context, radius, depth, seconds);
  context.save();
  context.clip();
  fill(context, reach, [deep, main, warm], angle);
  spot(context, reach, deep, { angle: 0.7 * angle + 4.3, distance: 0.6, size: 1 });
  spot(context, reach, warm, { angle: -0.9 * angle + 2.2, distance: 0.75, size: 1.1 });
  spot(context, reach, pale, { angle: 1.3 * angle + 0.4, distance: 0.8, size: 1.1 });
  light(context, radius);
  if (isFlashing) fill(context, reach, [WHITE, WHITE], 0);
  context.restore();
}

/**
 * Light the body from above, with a bright rim.
 * @param {CanvasRenderingContext2D} context whose path is the outline of the body
 * @param {number} radius
 */
function light(context, radius) {
  context.globalCompositeOperation = 'soft-light'; // brightens the colours without whitening them
  fade(context, withOpacity(WHITE, 1), { x: -0.3 * radius, y: -0.6 * radius, inner: 0, outer: 1.1 * radius });
  fade(context, withOpacity(BLACK, 0.4), { x: 0.3 * radius, y: 1.1 * radius, inner: 0, outer: 1.1 * radius });
  context.globalCompositeOperation = 'source-over';
  const rim = context.createLinearGradient(0, -radius, 0, 0.3 * radius);
  rim.addColorStop(0, withOpacity(WHITE, 0.5)(1));
  rim.addColorStop(1, withOpacity(WHITE, 0.5)(0));
  context.strokeStyle = rim;
  context.lineWidth = 0.035 * radius; // its outer half is clipped
  context.stroke();
}

/**
 * Set the path to a circle with waves.
 * @param {CanvasRenderingContext2D} context
 * @param {number} radius
 * @param {number} depth of the waves, as a share of the radius
 * @param {number} seconds
 */
function outline(context, radius, depth, seconds) {
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
 * @param {CanvasRenderingContext2D} context
 * @param {number} reach
 * @param {string[]} colours along the diagonal
 * @param {number} angle
 */
function fill(context, reach, colours, angle) {
  const [x, y] = [Math.cos(angle + 0.8) * reach, Math.sin(angle + 0.8) * reach];
  const gradient = context.createLinearGradient(-x, -y, x, y);
  colours.forEach((colour, index) => {
    gradient.addColorStop(index / (colours.length - 1), colour);
  });
  context.fillStyle = gradient;
  context.fillRect(-reach, -reach, 2 * reach, 2 * reach);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} reach
 * @param {string} colour
 * @param {{ angle: number, distance: number, size: number }} place distance from the middle and size, as shares of the reach
 */
function spot(context, reach, colour, { angle, distance, size }) {
  const [x, y] = [Math.cos(angle) * distance * reach, Math.sin(angle) * distance * reach];
  fade(context, withOpacity(colour, 1), { x, y, inner: 0, outer: size * reach });
}

/**
 * Paint a colour that fades outwards.
 * @param {CanvasRenderingContext2D} context
 * @param {(share: number) => string} colourAt the colour with that share of its opacity
 * @param {{ x: number, y: number, inner: number, outer: number }} circle opaque up to the inner radius, transparent from the outer
 */
function fade(context, colourAt, { x, y, inner, outer }) {
  const gradient = context.createRadialGradient(x, y, inner, x, y, outer);
  for (const [stop, share] of FALL_OFF) gradient.addColorStop(stop, colourAt(share));
  context.fillStyle = gradient;
  context.fillRect(x - outer, y - outer, 2 * outer, 2 * outer);
}

/**
 * @param {string} colour #rrggbb
 * @param {number} opacity 0..1
 * @returns {(share: number) => string} #rrggbbaa
 */
function withOpacity(colour, opacity) {
  return (share) => {
    const alpha = Math.round(255 * Math.min(1, opacity * share));
    return colour + alpha.toString(16).padStart(2, '0');
  };
}
