import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button, IconButton } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import { Field, Search } from "@/components/field";
import { MoreIcon, PeopleIcon, ShieldIcon, TrashIcon } from "@/components/icons";
import { Menu, MenuItem } from "@/components/menu";
import { Complaint, Empty, Failure } from "@/components/notice";
import { Page, PageRows } from "@/components/page";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { keys, queryClient } from "@/lib/api/queries";
import type { Account } from "@/lib/api/types";
import { useMe } from "@/lib/session/session";
import { formatDate, formatSeen } from "@/lib/time/format";
import { complain, say } from "@/lib/toasts";

interface AccountPage {
  users: Account[];
  next_cursor: string | null;
}

export function AdminPage() {
  const me = useMe();
  const [text, setText] = useState("");
  const [banning, setBanning] = useState<Account | null>(null);
  const search = useDeferredValue(text.trim());
  const query = useInfiniteQuery({
    queryKey: keys.accounts(search),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }): Promise<AccountPage> =>
      unwrap(
        api.GET("/api/v1/admin/users", {
          params: { query: { query: search, limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
    enabled: me.role === "admin",
  });
  const accounts = query.data?.pages.flatMap((page) => page.users) ?? [];

  if (me.role !== "admin") {
    return (
      <Page title="Administration" lead="Accounts on this server.">
        <Empty icon={ShieldIcon} title="Only administrators come in here">
          Ask one of them if something needs their hand.
        </Empty>
      </Page>
    );
  }
  return (
    <Page title="Administration" lead="Accounts on this server.">
      <Search label="Search accounts" value={text} onChange={setText} placeholder="Name or username" />
      {query.isError && !query.data ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <PageRows label="Accounts" isLoading={query.isPending}>
          {accounts.map((account) => (
            <Row key={account.id} account={account} onBan={setBanning} />
          ))}
        </PageRows>
      )}
      {query.isSuccess && accounts.length === 0 && (
        <Empty icon={PeopleIcon} title="No account of that name" />
      )}
      {query.hasNextPage && (
        <Button
          className="self-center"
          isPending={query.isFetchingNextPage}
          onPress={() => void query.fetchNextPage()}
        >
          Show more
        </Button>
      )}
      {banning && <BanDialog account={banning} onClose={() => setBanning(null)} />}
    </Page>
  );
}

function Row({ account, onBan }: { account: Account; onBan(account: Account): void }) {
  const me = useMe();
  const [isPending, setPending] = useState(false);
  const isMe = account.id === me.id;
  const run = async (change: () => Promise<Account>, done: string) => {
    setPending(true);
    try {
      replace(await change());
      say(done);
    } catch (error) {
      complain(error);
    } finally {
      setPending(false);
    }
  };
  const path = { params: { path: { user_id: account.id } } };
  const setRole = (role: Account["role"]) =>
    run(
      () => unwrap(api.PATCH("/api/v1/admin/users/{user_id}", { ...path, body: { role } })),
      role === "admin"
        ? `${account.display_name} is an administrator now.`
        : `${account.display_name} is a member now.`,
    );
  const reinstate = () =>
    run(
      () => unwrap(api.POST("/api/v1/admin/users/{user_id}/reinstate", path)),
      `${account.display_name} may come back.`,
    );

  return (
    <li className="flex items-center gap-3 px-4 py-3">
      <Avatar user={account} className={account.banned_at ? "opacity-50 grayscale" : ""} />
      <div className="min-w-0 flex-1">
        <p className="flex items-center gap-2">
          <span className="truncate font-semibold">{account.display_name}</span>
          {account.role === "admin" && <Tag tone="sky">Admin</Tag>}
          {account.banned_at && <Tag tone="alarm">Banned</Tag>}
        </p>
        <p className="truncate text-sm text-soft">
          @{account.username} · since {formatDate(account.created_at)}
          {account.last_seen && ` · ${formatSeen(account.last_seen, new Date())}`}
        </p>
        {account.banned_at && account.ban_reason && (
          <p className="mt-0.5 text-sm text-alarm wrap-anywhere">{account.ban_reason}</p>
        )}
      </div>
      {isMe ? (
        <span className="px-2 text-sm text-faint">You</span>
      ) : account.banned_at ? (
        <Button
          size="sm"
          isPending={isPending}
          onPress={() => void reinstate()}
          aria-label={`Reinstate ${account.display_name}`}
        >
          Reinstate
        </Button>
      ) : (
        <Menu
          label={`${account.display_name}, actions`}
          trigger={
            <IconButton label={`Actions for ${account.display_name}`} isDisabled={isPending}>
              <MoreIcon />
            </IconButton>
          }
        >
          {account.role === "admin" ? (
            <MenuItem icon={PeopleIcon} onAction={() => void setRole("member")}>
              Make a member
            </MenuItem>
          ) : (
            <MenuItem icon={ShieldIcon} onAction={() => void setRole("admin")}>
              Make an administrator
            </MenuItem>
          )}
          <MenuItem icon={TrashIcon} tone="alarm" onAction={() => onBan(account)}>
            Ban…
          </MenuItem>
        </Menu>
      )}
    </li>
  );
}

function Tag({ tone, children }: { tone: "sky" | "alarm"; children: string }) {
  return (
    <span
      className={`rounded-full px-2 text-xs leading-5 font-medium ${tone === "sky" ? "bg-sky-wash text-sky" : "bg-alarm-wash text-alarm"}`}
    >
      {children}
    </span>
  );
}

function BanDialog({ account, onClose }: { account: Account; onClose(): void }) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const ban = async () => {
    setPending(true);
    setError(null);
    try {
      replace(
        await unwrap(
          api.POST("/api/v1/admin/users/{user_id}/ban", {
            params: { path: { user_id: account.id } },
            body: { reason: reason.trim() },
          }),
        ),
      );
      say(`${account.display_name} has been banned.`);
      onClose();
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };
  return (
    <Dialog role="alertdialog" title={`Ban ${account.display_name}?`} onClose={onClose}>
      <p className="mb-4 text-soft">
        They are logged out everywhere at once and cannot come back until they are reinstated. What they have
        written stays.
      </p>
      <Field
        label="Reason (they will see it)"
        value={reason}
        onChange={setReason}
        limit={280}
        lines={2}
        autoFocus
      />
      <Complaint error={error} className="mt-3" />
      <DialogActions>
        <Button tone="quiet" onPress={onClose}>
          Cancel
        </Button>
        <Button tone="alarm" isPending={isPending} onPress={() => void ban()}>
          Ban
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** Show the account as the server answered it, on every page of the list it stands on. */
function replace(account: Account): void {
  queryClient.setQueriesData<InfiniteData<AccountPage>>(
    { queryKey: ["accounts"] },
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({
          ...page,
          users: page.users.map((one) => (one.id === account.id ? account : one)),
        })),
      },
  );
}
