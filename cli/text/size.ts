// Sizes for people, as go-units prints them: four or three significant digits, C's %g.

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/** In powers of ten, `1.024kB`; tables of images use three digits, `1.02kB`. */
export function humanSize(bytes: number, digits: 3 | 4 = 4): string {
  return scaled(bytes, 1000, DECIMAL, digits);
}

/** In powers of two, `64MiB`. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

/** The same in a sentence: `64 MiB`. */
export const sentenceSize = (bytes: number): string =>
  binarySize(bytes).replace(/(?=[A-Za-z])/, " ");

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return general(value, digits) + units[unit];
}

/** C's %.{digits}g. */
function general(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  const [mantissa, exponent] = text.split("e") as [string, string?];
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  if (exponent === undefined) return short;
  return `${short}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}
