import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import {
  CheckIcon,
  ChevronIcon,
  LeaveIcon,
  MoonIcon,
  PeopleIcon,
  ScreenIcon,
  ShieldIcon,
  SunIcon,
} from "@/components/icons";
import { Menu, MenuItem, MenuLine } from "@/components/menu";
import { open } from "@/lib/overlays";
import { useConnection } from "@/lib/realtime/connection";
import { unsent } from "@/lib/realtime/live";
import { logOut, useMe } from "@/lib/session/session";
import { useLeave } from "@/lib/session/use-leave";
import { setTheme, type Theme, useTheme } from "@/lib/theme";

const THEMES = [
  { theme: "system", icon: ScreenIcon, name: "System theme" },
  { theme: "light", icon: SunIcon, name: "Light theme" },
  { theme: "dark", icon: MoonIcon, name: "Dark theme" },
] as const satisfies readonly { theme: Theme; icon: unknown; name: string }[];

/** Oneself, and what concerns oneself alone. */
export function SelfMenu() {
  const me = useMe();
  const navigate = useNavigate();
  const theme = useTheme((state) => state.theme);
  const isConnected = useConnection((state) => state.status === "connected");
  const [isAsking, setAsking] = useState(false);
  const leave = useLeave(logOut);

  return (
    <>
      <Menu
        label="You"
        placement="top start"
        trigger={
          <Button tone="quiet" className="h-12 w-full justify-start gap-2.5 px-2 text-left">
            <Avatar user={me} online={isConnected} />
            <span className="min-w-0 flex-1">
              <span className="block truncate leading-5 font-semibold text-ink">{me.display_name}</span>
              <span className="block truncate text-xs leading-4 font-normal text-faint">@{me.username}</span>
            </span>
            <ChevronIcon className="size-4 rotate-180 text-faint" />
          </Button>
        }
      >
        <MenuItem icon={PeopleIcon} onAction={() => open({ kind: "profile" })}>
          Your profile
        </MenuItem>
        {me.role === "admin" ? (
          <MenuItem icon={ShieldIcon} onAction={() => void navigate({ to: "/admin" })}>
            Administration
          </MenuItem>
        ) : null}
        <MenuLine />
        {THEMES.map(({ theme: value, icon, name }) => (
          <MenuItem
            key={value}
            icon={icon}
            onAction={() => setTheme(value)}
            mark={
              theme === value && (
                <CheckIcon aria-label="chosen" aria-hidden="false" className="size-4 text-sky" />
              )
            }
          >
            {name}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={LeaveIcon} onAction={() => (unsent() > 0 ? setAsking(true) : void leave())}>
          Log out
        </MenuItem>
      </Menu>
      {isAsking && (
        <Dialog role="alertdialog" title="Log out now?" onClose={() => setAsking(false)}>
          <p className="text-soft">
            Some of what you wrote has not been sent yet. It stays on this device, and is sent when you log in
            again.
          </p>
          <DialogActions>
            <Button tone="quiet" onPress={() => setAsking(false)}>
              Stay
            </Button>
            <Button tone="primary" onPress={() => void leave()}>
              Log out
            </Button>
          </DialogActions>
        </Dialog>
      )}
    </>
  );
}
