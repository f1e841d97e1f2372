import createClient from "openapi-fetch";
import { ApiError } from "@/lib/api/errors";
import type { paths } from "@/lib/api/schema";
import { end, tokens } from "@/lib/session/session";

/** For the routes of a logged-in person: brings the token along, and a new one when it is refused. */
export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: authorisedFetch,
});

/** @throws LoggedOut, ApiError, and what `fetch` throws */
async function authorisedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request, await tokens.fresh());
  if (response.status === 403) await checkBan(response.clone());
  if (response.status !== 401) return response;
  await tokens.renew();
  return send(again, await tokens.fresh());
}

function send(request: Request, token: string): Promise<Response> {
  request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request);
}

async function checkBan(response: Response): Promise<void> {
  const body: unknown = await response.json().catch(() => null);
  const info = (body as { error?: { code?: string; message?: string } } | null)?.error;
  if (info?.code !== "banned") return;
  const message = info.message ?? "This account is banned.";
  end({ reason: "banned", message });
  throw new ApiError(403, { code: "banned", message });
}
