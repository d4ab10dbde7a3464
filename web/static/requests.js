// Requests to the server of a page: JSON in and out, and an error with the server's own words.

import { guardedFetch } from "./guarded.js";

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return an answer that is fine; throw an ApiError with the reason of any other. */
export async function checked(answer) {
  if (answer.ok) return answer;
  const type = answer.headers.get("content-type") || "";
  const message = type.startsWith("application/json")
    ? (await answer.json()).error
    : (await answer.text()).trim();
  throw new ApiError(message || `the server answered ${answer.status}`, answer.status);
}

export async function getJson(path) {
  return (await checked(await guardedFetch(path))).json();
}

/** What makes a request carry an object as JSON. */
export function asPost(body) {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

export async function postJson(path, body = {}) {
  return (await checked(await guardedFetch(path, asPost(body)))).json();
}
