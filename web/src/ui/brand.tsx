export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 24 24" aria-hidden="true" fill="currentColor">
        <rect x="1" y="9.5" width="3" height="5" rx="1.5" />
        <rect x="6" y="6.5" width="3" height="11" rx="1.5" />
        <rect x="11" y="2.5" width="3" height="19" rx="1.5" />
        <path d="M17 6.5v11l6.5-5.5z" />
      </svg>
      Paystream
    </span>
  );
}
