import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  redirect,
  useNavigate,
} from "@tanstack/react-router";
import { Home } from "@/app/home";
import { PanelFrame } from "@/app/panel-frame";
import { Shell } from "@/app/shell";
import { useDocumentTitle } from "@/app/use-document-title";
import { Button } from "@/components/button";
import { CompassIcon } from "@/components/icons";
import { Empty, Failure } from "@/components/notice";
import { AdminPage } from "@/features/admin/admin-page";
import { LogInPage } from "@/features/auth/log-in-page";
import { SignUpPage } from "@/features/auth/sign-up-page";
import { ConversationPage } from "@/features/conversation/conversation-page";
import { PeoplePage } from "@/features/people/people-page";
import { BrowsePage } from "@/features/rooms/browse-page";
import { MembersPanel } from "@/features/rooms/members-panel";
import { useRoom } from "@/lib/api/queries";
import { nameOf } from "@/lib/rooms/room-list";
import { useSession } from "@/lib/session/session";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

/** Where log-in leads back to: an address within the application, or nothing. */
function validateNext(search: Record<string, unknown>): { next?: string | undefined } {
  const { next } = search;
  // Undefined and not left out: what a validator leaves out, the router fills in as it came.
  return { next: typeof next === "string" && /^\/(?![/\\])/.test(next) ? next : undefined };
}

const visitor = createRoute({
  id: "visitor",
  getParentRoute: () => root,
  component: () => (useSession((state) => state.status === "authenticated") ? null : <Outlet />),
  validateSearch: validateNext,
  beforeLoad: ({ search }) => {
    if (useSession.getState().status === "authenticated")
      throw redirect({ to: search.next ?? "/", replace: true });
  },
});

const logIn = createRoute({
  path: "/log-in",
  getParentRoute: () => visitor,
  component: () => {
    useDocumentTitle("Log in");
    return <LogInPage />;
  },
});

const signUp = createRoute({
  path: "/sign-up",
  getParentRoute: () => visitor,
  component: () => {
    useDocumentTitle("Sign up");
    return <SignUpPage />;
  },
});

const member = createRoute({
  id: "member",
  getParentRoute: () => root,
  // The session may end while this is on the screen; the guard below runs a moment later.
  component: () => (useSession((state) => state.user === null) ? null : <Shell />),
  beforeLoad: ({ location }) => {
    if (useSession.getState().status === "authenticated") return;
    throw redirect({
      to: "/log-in",
      search: location.pathname === "/" ? {} : { next: location.pathname },
      replace: true,
    });
  },
});

const home = createRoute({ path: "/", getParentRoute: () => member, component: Home });

const room = createRoute({
  path: "/rooms/$roomId",
  getParentRoute: () => member,
  validateSearch: (search: Record<string, unknown>): { members?: true } =>
    search.members ? { members: true } : {},
  component: RoomScreen,
});

function RoomScreen() {
  const { roomId } = room.useParams();
  const { members = false } = room.useSearch();
  const navigate = useNavigate();
  const known = useRoom(roomId);
  useDocumentTitle(known ? nameOf(known) : "Room");
  const show = (isOpen: boolean) =>
    void navigate({
      to: "/rooms/$roomId",
      params: { roomId },
      search: isOpen ? { members: true } : {},
      replace: true,
    });
  return (
    <ConversationPage
      roomId={roomId}
      isPanelOpen={members}
      onTogglePanel={() => show(!members)}
      panel={
        members && known && known.kind !== "direct" ? (
          <PanelFrame label="Members" onClose={() => show(false)}>
            <MembersPanel roomId={roomId} onClose={() => show(false)} />
          </PanelFrame>
        ) : null
      }
    />
  );
}

const browse = createRoute({
  path: "/browse",
  getParentRoute: () => member,
  component: () => {
    useDocumentTitle("Public rooms");
    return <BrowsePage />;
  },
});

const people = createRoute({
  path: "/people",
  getParentRoute: () => member,
  component: () => {
    useDocumentTitle("People");
    return <PeoplePage />;
  },
});

const admin = createRoute({
  path: "/admin",
  getParentRoute: () => member,
  component: () => {
    useDocumentTitle("Administration");
    return <AdminPage />;
  },
});

export const router = createRouter({
  routeTree: root.addChildren([
    visitor.addChildren([logIn, signUp]),
    member.addChildren([home, room, browse, people, admin]),
  ]),
  defaultPreload: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  const navigate = useNavigate();
  return (
    <main className="flex h-full items-center">
      <h1 className="sr-only">Windsock</h1>
      <Empty
        icon={CompassIcon}
        title="There is no such page"
        action={<Button onPress={() => void navigate({ to: "/" })}>Go to the start page</Button>}
      />
    </main>
  );
}

function Broken({ error }: { error: unknown }) {
  return (
    <div className="flex h-full items-center">
      <Failure error={error} onRetry={() => globalThis.location.reload()} />
    </div>
  );
}
