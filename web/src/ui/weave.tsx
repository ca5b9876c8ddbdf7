/** A picture for content without one: bars drawn from its id, the same every time. */
export function Weave({ seed }: { seed: string }) {
  const bytes =
    seed
      .replace(/^0x/, '')
      .match(/../g)
      ?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  return (
    <svg viewBox="0 0 320 180" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {bytes.map((byte, index) => {
        const height = 14 + (byte / 255) * 118;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: the bars never move
            key={index}
            x={16 + index * 9}
            y={90 - height / 2}
            width="4"
            height={height}
            rx="2"
            fill="var(--lamp)"
            opacity={0.16 + ((bytes[(index + 7) % bytes.length] ?? 0) / 255) * 0.6}
          />
        );
      })}
    </svg>
  );
}
