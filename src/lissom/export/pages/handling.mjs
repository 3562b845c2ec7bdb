// What happens to a picture before the model: the arithmetic of Pillow (resize, crop, scale, normalise).

const FILTERS = {
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (x) => {
    const [a, t] = [-0.5, Math.abs(x)];
    if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
  }],
  lanczos: [3, (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

// For each place of the output: where it starts to read, and with which weights.
function taps(from, to, interpolation) {
  const scale = from / to;
  if (interpolation === "nearest") {
    return Array.from({ length: to }, (_, place) => [Math.min(from - 1, Math.floor((place + 0.5) * scale)), [1]]);
  }
  const [reach, filter] = FILTERS[interpolation];
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach * wide + 0.5));
    const last = Math.min(from, Math.floor(centre + reach * wide + 0.5));
    const weights = [];
    for (let k = first; k < last; k++) weights.push(filter((k - centre + 0.5) / wide));
    const sum = weights.reduce((a, b) => a + b, 0);
    return [first, weights.map((weight) => weight / sum)];
  });
}

// One channel, `(height, width)` in rows, resized: across, then down, rounded to bytes after each.
function resized(plane, width, height, toWidth, toHeight, interpolation) {
  const across = taps(width, toWidth, interpolation);
  const wide = new Uint8ClampedArray(height * toWidth);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const [first, weights] = across[x];
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * plane[y * width + first + k];
      wide[y * toWidth + x] = Math.floor(sum + 0.5);
    }
  }
  const down = taps(height, toHeight, interpolation);
  const made = new Uint8ClampedArray(toHeight * toWidth);
  for (let y = 0; y < toHeight; y++) {
    const [first, weights] = down[y];
    for (let x = 0; x < toWidth; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * wide[(first + k) * toWidth + x];
      made[y * toWidth + x] = Math.floor(sum + 0.5);
    }
  }
  return made;
}

function planes({ data, width, height }, channels) {
  const count = width * height;
  const made = Array.from({ length: channels.length }, () => new Uint8ClampedArray(count));
  for (let k = 0; k < count; k++) {
    const [r, g, b] = [data[4 * k], data[4 * k + 1], data[4 * k + 2]];
    if (channels === "L") made[0][k] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    else [made[0][k], made[1][k], made[2][k]] = [r, g, b];
  }
  return made;
}

// Python's rounding, half to even: where the crop begins depends on it.
function round(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

// The model's input of one picture, `(channels, height, width)`, from its pixels as a canvas gives them.
export function prepared(pixels, { crop, resize, mean, std, interpolation, channels }) {
  let { width, height } = pixels;
  let made = planes(pixels, channels);
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (resize !== null && short !== resize) {
    const scaled = Math.max(1, Math.trunc((resize * long) / short));
    const [toWidth, toHeight] = width <= height ? [resize, scaled] : [scaled, resize];
    made = made.map((plane) => resized(plane, width, height, toWidth, toHeight, interpolation));
    [width, height] = [toWidth, toHeight];
  }
  const [rows, columns] = crop;
  const left = Math.floor(Math.max(0, columns - width) / 2);
  const above = Math.floor(Math.max(0, rows - height) / 2);
  const [x0, y0] = [round((Math.max(width, columns) - columns) / 2), round((Math.max(height, rows) - rows) / 2)];
  const input = new Float32Array(made.length * rows * columns);
  made.forEach((plane, channel) => {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const [sx, sy] = [x + x0 - left, y + y0 - above];
        const inside = sx >= 0 && sx < width && sy >= 0 && sy < height;
        const value = inside ? plane[sy * width + sx] : 0;
        input[(channel * rows + y) * columns + x] = (value / 255 - mean[channel]) / std[channel];
      }
    }
  });
  return input;
}
