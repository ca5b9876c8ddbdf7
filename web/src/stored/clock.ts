/** 75 -> "1:15", 3675 -> "1:01:15". */
export function formatClock(seconds: number): string {
  const [hours, minutes, rest] = parts(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** For whoever listens to the page: 75 -> "1 minute 15 seconds". */
export function spokenTime(seconds: number): string {
  const [hours, minutes, rest] = parts(seconds);
  const words = (value: number, unit: string): string[] => (value === 0 ? [] : [`${value} ${unit}${value === 1 ? '' : 's'}`]);
  const spoken = [...words(hours, 'hour'), ...words(minutes, 'minute'), ...words(rest, 'second')];
  return spoken.length === 0 ? '0 seconds' : spoken.join(' ');
}

function parts(seconds: number): readonly [number, number, number] {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  return [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
}
