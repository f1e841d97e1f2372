import type { SVGProps } from "react";

type IconProps = SVGProps<SVGSVGElement>;

/** Drawn on 20 × 20, in the colour of the text around them. Decoration: the control beside them has the name. */
function Glyph(props: IconProps) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="1.25em"
      height="1.25em"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      {...props}
    />
  );
}

export const PlusIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M10 4v12M4 10h12" />
  </Glyph>
);

export const CloseIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="m5.5 5.5 9 9m0-9-9 9" />
  </Glyph>
);

export const BackIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M12.5 4.5 7 10l5.5 5.5" />
  </Glyph>
);

export const DownIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M10 4v11m-4.5-4.5L10 15l4.5-4.5" />
  </Glyph>
);

export const ChevronIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="m6 8 4 4 4-4" />
  </Glyph>
);

export const CheckIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="m4.5 10.5 3.5 3.5 7.5-8" />
  </Glyph>
);

export const HashIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M8 3.5 6.5 16.5m7-13L12 16.5M4 7.5h12.5M3.5 12.5H16" />
  </Glyph>
);

export const LockIcon = (props: IconProps) => (
  <Glyph {...props}>
    <rect x="4.5" y="9" width="11" height="7.5" rx="2" />
    <path d="M7 9V6.8a3 3 0 0 1 6 0V9" />
  </Glyph>
);

export const PeopleIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="7.5" cy="7" r="2.7" />
    <path d="M2.8 16c.3-2.8 2.2-4.4 4.7-4.4s4.4 1.6 4.7 4.4M13 4.6a2.7 2.7 0 0 1 0 4.9M14.7 11.9c1.5.6 2.4 2 2.6 4.1" />
  </Glyph>
);

export const PersonAddIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="8" cy="7" r="2.8" />
    <path d="M3 16c.3-2.8 2.3-4.4 5-4.4 1.3 0 2.4.3 3.3 1M15 11.5v5M12.5 14h5" />
  </Glyph>
);

export const CompassIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="10" cy="10" r="7" />
    <path d="m12.8 7.2-1.6 4-4 1.6 1.6-4z" />
  </Glyph>
);

export const SearchIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="9" cy="9" r="5" />
    <path d="m13 13 3.5 3.5" />
  </Glyph>
);

export const SettingsIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M3.5 6h7M14.5 6h2M3.5 14h2M9.5 14h7" />
    <circle cx="12.5" cy="6" r="2" />
    <circle cx="7.5" cy="14" r="2" />
  </Glyph>
);

export const SendIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M4 10h9.5M9 5l5.5 5L9 15" />
  </Glyph>
);

export const EditIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M4.5 15.5 5.2 12.3 12.8 4.7a1.6 1.6 0 0 1 2.3 0l.2.2a1.6 1.6 0 0 1 0 2.3L7.7 14.8z" />
  </Glyph>
);

export const TrashIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M4 6h12M8 6V4.5h4V6M5.5 6l.7 9.5h7.6l.7-9.5M8.5 9v4M11.5 9v4" />
  </Glyph>
);

export const CopyIcon = (props: IconProps) => (
  <Glyph {...props}>
    <rect x="7.5" y="7.5" width="8.5" height="8.5" rx="2" />
    <path d="M12.5 7.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v4.5a2 2 0 0 0 2 2h1.5" />
  </Glyph>
);

export const ClockIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="10" cy="10" r="6.5" />
    <path d="M10 6.5V10l2.5 1.5" />
  </Glyph>
);

export const AlertIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6.5v4M10 13.4v.1" />
  </Glyph>
);

export const SunIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.8v1.7M10 15.5v1.7M2.8 10h1.7M15.5 10h1.7M4.9 4.9l1.2 1.2M13.9 13.9l1.2 1.2M15.1 4.9l-1.2 1.2M6.1 13.9l-1.2 1.2" />
  </Glyph>
);

export const MoonIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M16 11.8A6.5 6.5 0 0 1 8.2 4a6.5 6.5 0 1 0 7.8 7.8Z" />
  </Glyph>
);

export const ScreenIcon = (props: IconProps) => (
  <Glyph {...props}>
    <rect x="3" y="4" width="14" height="9.5" rx="1.8" />
    <path d="M7.5 16.5h5" />
  </Glyph>
);

export const LeaveIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M11.5 4H6a1.5 1.5 0 0 0-1.5 1.5v9A1.5 1.5 0 0 0 6 16h5.5M9 10h8M14 7l3 3-3 3" />
  </Glyph>
);

export const ShieldIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M10 3 4.5 5v4.6c0 3.4 2.3 6 5.5 7.4 3.2-1.4 5.5-4 5.5-7.4V5z" />
  </Glyph>
);

export const MoreIcon = (props: IconProps) => (
  <Glyph {...props}>
    <circle cx="4.8" cy="10" r=".9" fill="currentColor" />
    <circle cx="10" cy="10" r=".9" fill="currentColor" />
    <circle cx="15.2" cy="10" r=".9" fill="currentColor" />
  </Glyph>
);

export const OfflineIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M3.5 3.5l13 13M8.2 6A9.7 9.7 0 0 1 17 8.3M3 8.3a10 10 0 0 1 2.7-1.7M5.7 11.2a6.3 6.3 0 0 1 3-1.6M13.3 10.6l1 .6M10 15v.1" />
  </Glyph>
);

export const MessageIcon = (props: IconProps) => (
  <Glyph {...props}>
    <path d="M4 5.5A1.5 1.5 0 0 1 5.5 4h9A1.5 1.5 0 0 1 16 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-3.5 3v-3A1.5 1.5 0 0 1 4 11.5z" />
  </Glyph>
);
