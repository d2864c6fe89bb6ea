/** The OpenAPI document, made from the routes themselves. */

import { Problem } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { Route } from './route.ts';

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cloud Steg discovery cluster',
      version,
      description:
        'Signed calls carry an RFC 9421 signature by the caller’s Ed25519 key. A node that does not lead ' +
        'answers 307 with the leader’s address, or 503 while there is none. Errors are RFC 9457 problems.',
    },
    paths,
    components: {
      schemas: { Problem: schemaOf(Problem, 'output') },
      securitySchemes: {
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'signature',
          description: 'RFC 9421, see docs/wire.md',
        },
      },
    },
  };
}

function operationOf(route: Route): object {
  const content =
    typeof route.answer === 'string'
      ? { [route.answer]: {} }
      : { 'application/json': { schema: schemaOf(route.answer, 'output') } };
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return {
    summary: route.summary,
    ...(route.signing ? { security: [{ signature: [] }] } : {}),
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
          },
        }
      : {}),
    responses: {
      200: { description: 'done', content },
      ...(route.servedBy === 'leader'
        ? { 307: { description: 'ask the leader instead, at `location`', content: problem } }
        : {}),
      default: { description: 'refused', content: problem },
    },
  };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input');
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: property,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}
