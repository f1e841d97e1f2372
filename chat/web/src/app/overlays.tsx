import { Switcher } from "@/app/switcher";
import { PersonDialog } from "@/features/people/person-dialog";
import { ProfileDialog } from "@/features/people/profile-dialog";
import { CreateRoomDialog } from "@/features/rooms/create-room-dialog";
import { InviteDialog } from "@/features/rooms/invite-dialog";
import { RoomSettingsDialog } from "@/features/rooms/room-settings-dialog";
import { close, useOverlay } from "@/lib/overlays";

/** The dialog that is asked for, from whichever feature it comes. */
export function Overlays() {
  const overlay = useOverlay((state) => state.overlay);
  switch (overlay?.kind) {
    case "profile":
      return <ProfileDialog onClose={close} />;
    case "person":
      return <PersonDialog userId={overlay.userId} onClose={close} />;
    case "create-room":
      return <CreateRoomDialog onClose={close} />;
    case "room-settings":
      return <RoomSettingsDialog roomId={overlay.roomId} onClose={close} />;
    case "invite":
      return <InviteDialog roomId={overlay.roomId} onClose={close} />;
    case "switcher":
      return <Switcher onClose={close} />;
    case undefined:
      return null;
  }
}
