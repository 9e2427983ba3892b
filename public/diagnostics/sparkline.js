const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 48;
const MARGIN = 4;

/**
 * Draw values as a line that ends in a dot.
 * @param {SVGSVGElement} svg its CSS keeps the strokes from being stretched with the drawing
 * @param {readonly number[]} values in order
 */
export function drawSparkline(svg, values) {
  const top = Math.max(1, ...values);
  const step = (WIDTH - 2 * MARGIN) / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    const y = HEIGHT - MARGIN - (value / top) * (HEIGHT - 2 * MARGIN);
    return `${MARGIN + index * step},${y}`;
  });
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.replaceChildren(path('line', points), path('dot', points.slice(-1)));
}

/**
 * @param {string} className
 * @param {string[]} points a single one is drawn as a dot as wide as the stroke
 */
function path(className, points) {
  const element = document.createElementNS(SVG, 'path');
  element.setAttribute('class', className);
  if (points.length > 0) element.setAttribute('d', `M${points.join('L')}h0`);
  return element;
}
