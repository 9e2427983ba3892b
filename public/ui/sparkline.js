const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 48;
const MARGIN = 4;

/**
 * Draw values as a line in an svg element.
 * @param {SVGSVGElement} svg
 * @param {readonly number[]} values in order
 */
export function drawSparkline(svg, values) {
  const top = Math.max(1, ...values);
  const step = (WIDTH - 2 * MARGIN) / Math.max(1, values.length - 1);
  const points = values.map(
    (value, index) => `${MARGIN + index * step},${HEIGHT - MARGIN - (value / top) * (HEIGHT - 2 * MARGIN)}`,
  );
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points.join(' '));
  const end = document.createElementNS(SVG, 'circle');
  const [x = '0', y = '0'] = (points.at(-1) ?? '').split(',');
  end.setAttribute('cx', x);
  end.setAttribute('cy', y);
  end.setAttribute('r', '3');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'xMinYMid meet');
  svg.replaceChildren(...(values.length > 0 ? [line, end] : []));
}
