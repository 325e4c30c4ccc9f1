// Times for people, as docker prints them.

const HOUR_MS = 3_600_000;

/** "5 minutes", "About an hour", "3 weeks". */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(durationMs / HOUR_MS + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(durationMs / HOUR_MS / 24 / 365)} years`;
}

/** RFC 3339 in this machine's zone, with nanoseconds where there are any: docker's events. */
export function rfc3339(timeMs: number): string {
  const { date, time, offset } = local(timeMs);
  const fraction = (timeMs % 1000).toFixed(6).replace(".", "").padStart(9, "0");
  return `${date}T${time}.${fraction}${offset}`;
}

/** "2026-11-23 23:46:14 +0100 CET" in Go's layout, without the zone's name: docker's CreatedAt. */
export function createdAt(timeMs: number): string {
  const { date, time, offset } = local(timeMs);
  return `${date} ${time} ${offset === "Z" ? "+0000 UTC" : offset.replace(":", "")}`;
}

function local(timeMs: number): { date: string; time: string; offset: string } {
  const zone = -new Date(timeMs).getTimezoneOffset();
  const shifted = new Date(timeMs + zone * 60_000).toISOString();
  const sign = zone < 0 ? "-" : "+";
  const two = (n: number) => String(Math.trunc(n)).padStart(2, "0");
  const away = Math.abs(zone);
  return {
    date: shifted.slice(0, 10),
    time: shifted.slice(11, 19),
    offset: zone === 0 ? "Z" : `${sign}${two(away / 60)}:${two(away % 60)}`,
  };
}
