// The page's icons as inline SVG, drawn on a 24 unit grid.

const NAMESPACE = 'http://www.w3.org/2000/svg';

const STROKED = {
  arrow: 'M9 5l7 7-7 7',
  back: 'M15 5l-7 7 7 7',
  bag: 'M5 8.5h14l1 11.5H4zM8.5 8.5V7a3.5 3.5 0 0 1 7 0v1.5',
  check: 'M5 12.5l4.6 4.6L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  cloud: 'M7 18h10a4 4 0 0 0 .6-7.95A6 6 0 0 0 6.2 10.6 3.8 3.8 0 0 0 7 18zM4 4l16 16',
  down: 'M5 9l7 7 7-7',
  up: 'M5 15l7-7 7 7',
  minus: 'M6 12h12',
  plus: 'M12 6v12M6 12h12',
  returns: 'M4 9h11a5 5 0 0 1 0 10H9M4 9l4-4M4 9l4 4',
  shield: 'M12 3.5l7 2.5v5.5c0 4.5-3 7.6-7 9-4-1.4-7-4.5-7-9V6zM9 12l2.2 2.2L15.5 10',
  store: 'M4 10v9.5h16V10M3 10l2-5.5h14l2 5.5a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0zM9.5 19.5V15h5v4.5',
  truck: 'M3 6.5h11v10H3zM14 10h4l3 3.5v3h-7zM7 19a1.8 1.8 0 1 0 0-3.6A1.8 1.8 0 0 0 7 19zM17.5 19a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z',
  warning: 'M12 4l9 16H3zM12 10v4.5M12 17.3v.2',
  retry: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
};

const FILLED = {
  bookmark: 'M6.5 4.2h11a1 1 0 0 1 1 1v15.1l-6.5-4.6-6.5 4.6V5.2a1 1 0 0 1 1-1z',
  heart: 'M12 20.6l-1.5-1.35C5.2 14.5 2.5 12 2.5 8.6 2.5 5.9 4.6 4 7.2 4c1.9 0 3.7 1 4.8 2.7C13.1 5 14.9 4 16.8 4c2.6 0 4.7 1.9 4.7 4.6 0 3.4-2.7 5.9-8 10.65z',
  more: 'M6 10.2a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8zm6 0a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8zm6 0a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8z',
  pause: 'M7.5 5h3v14h-3zM13.5 5h3v14h-3z',
  play: 'M7.5 4.6v14.8a.6.6 0 0 0 .9.5l12-7.4a.6.6 0 0 0 0-1l-12-7.4a.6.6 0 0 0-.9.5z',
  share: 'M13.4 4.5l8 6.8a.6.6 0 0 1 0 .9l-8 6.8a.6.6 0 0 1-1-.45v-3.7c-4.6 0-7.5 1.3-9.4 4.2a.4.4 0 0 1-.74-.3c.8-5.3 4.1-9.1 10.14-9.9V4.95a.6.6 0 0 1 1-.45z',
  soundOff: 'M4 9.5h3.3L12 5.4a.6.6 0 0 1 1 .45v12.3a.6.6 0 0 1-1 .45l-4.7-4.1H4a.8.8 0 0 1-.8-.8v-3.4a.8.8 0 0 1 .8-.8zm12.1.2l1.2-1.2 1.9 1.9 1.9-1.9 1.2 1.2-1.9 1.9 1.9 1.9-1.2 1.2-1.9-1.9-1.9 1.9-1.2-1.2 1.9-1.9z',
  soundOn: 'M4 9.5h3.3L12 5.4a.6.6 0 0 1 1 .45v12.3a.6.6 0 0 1-1 .45l-4.7-4.1H4a.8.8 0 0 1-.8-.8v-3.4a.8.8 0 0 1 .8-.8zm11.6-1.3a4.7 4.7 0 0 1 0 7.6l-1-1.35a3 3 0 0 0 0-4.9zm2.3-3.1a8.5 8.5 0 0 1 0 13.8l-1-1.35a6.8 6.8 0 0 0 0-11.1z',
  star: 'M12 3.2l2.7 5.5 6 .9-4.35 4.25 1.03 6L12 17l-5.38 2.85 1.03-6L3.3 9.6l6-.9z',
  block: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zm0 1.8c1.5 0 2.9.5 4 1.34L6.64 16A6.7 6.7 0 0 1 12 5.3zm0 13.4a6.7 6.7 0 0 1-4.06-1.37l9.39-9.39A6.7 6.7 0 0 1 12 18.7z',
};

/**
 * @param {keyof STROKED | keyof FILLED} name
 * @returns {SVGSVGElement} decoration only: the control around it carries the label
 */
export function icon(name) {
  const svg = document.createElementNS(NAMESPACE, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  svg.setAttribute('class', `icon ${STROKED[name] ? 'icon--stroke' : 'icon--fill'}`);
  const path = document.createElementNS(NAMESPACE, 'path');
  path.setAttribute('d', STROKED[name] ?? FILLED[name]);
  svg.append(path);
  return svg;
}
