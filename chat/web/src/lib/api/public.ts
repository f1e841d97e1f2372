import createClient from "openapi-fetch";
import type { paths } from "@/lib/api/schema";

/** For the routes that need no token: they are about getting one. */
export const publicApi = createClient<paths>({ baseUrl: globalThis.location?.origin ?? "" });
