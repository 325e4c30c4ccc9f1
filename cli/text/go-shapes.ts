// What Go's types give to docker's templates beyond the JSON: a list or map that is nil is empty, a
// map has no value for what is not in it, a struct is printed by its fields, and a field may have
// another name than in JSON. Each is said of an object beside its members, where JSON does not see it.

/** Of a map: what is not in it is no error, but no value. */
export const OPEN = Symbol("map");
/** Of a struct: its fields, in the order in which they are printed. */
export const FIELDS = Symbol("fields");

type Members = Record<string, unknown>;

const hidden = <T extends object>(object: T, name: PropertyKey, value: unknown): T =>
  Object.defineProperty(object, name, { value });
const nullInJson = { value: () => null };

/** Empty, and null in JSON. */
export const NIL_LIST: readonly unknown[] = Object.defineProperty([], "toJSON", nullInJson);
export const NIL_MAP: object = hidden(Object.defineProperty({}, "toJSON", nullInJson), OPEN, true);

/** By its keys, as Go's encoder has it. */
export function goMap(members: object): object {
  const entries = Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return hidden(Object.fromEntries(entries), OPEN, true);
}

/** A copy that prints as a struct. */
export const goStruct = (members: object, fields: readonly string[]): object =>
  hidden(Object.defineProperties({}, Object.getOwnPropertyDescriptors(members)), FIELDS, fields);

/** `80/tcp` to nothing: the values are structs without fields. */
export const goSet = (members: object): object =>
  goMap(Object.fromEntries(Object.keys(members).map((key) => [key, goStruct({}, [])])));

type Shape = "list" | "map" | "set" | readonly string[];

function shaped(value: unknown, shape: Shape): unknown {
  if (value === null)
    return shape === "list" ? NIL_LIST : shape === "map" || shape === "set" ? NIL_MAP : value;
  if (typeof value !== "object" || shape === "list") return value;
  if (shape === "map") return goMap(value);
  if (shape === "set") return goSet(value);
  if (Array.isArray(value)) return value.map((one: object) => goStruct(one, shape));
  return goStruct(value, shape);
}

/** Gives members of `object`, if it is one, what their types have in Go; a list of names is a struct's. */
export function withShapes(object: unknown, shapes: Readonly<Record<string, Shape>>): void {
  if (typeof object !== "object" || object === null) return;
  const shown = new Set(Object.keys(object));
  for (const [name, shape] of Object.entries(shapes)) {
    if (shown.has(name)) {
      (object as Members)[name] = shaped((object as Members)[name], shape);
    }
  }
}

/** Fields that templates may also call as Go does: `ID` of what is `Id` in JSON. */
export function withGoNames(object: unknown, names: Readonly<Record<string, string>>): void {
  if (typeof object !== "object" || object === null) return;
  for (const [goName, name] of Object.entries(names)) {
    if (!Object.hasOwn(object, goName)) hidden(object, goName, (object as Members)[name]);
  }
}
