#!/usr/bin/env node
import { launch } from './launch.js';

await launch(() => import('../dist/main.js'), 'cloud-steg');
